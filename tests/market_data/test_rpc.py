"""Questions to a node: what is retried, what is refused, and what is never shown."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from requests import ConnectionError as NoConnection
from requests import HTTPError, ReadTimeout, Response

from alp.chain.rpc import Rpc, TooMuch, endpoint_label, scrub
from alp.errors import ConfigError, RpcError

KEY = "a1b2c3d4e5f6KEY"
URL = f"https://user:{KEY}@eth-mainnet.g.nodes.example.com/v2/{KEY}?token={KEY}"


class Scripted:
    """A provider that gives prepared answers; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append((method, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def make_batch_request(self, requests: Any) -> Any:
        return self.make_request("batch", requests)


def result(value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": value}


def error(message: str, code: int = -32000) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}


def http(status: int, text: str = "") -> HTTPError:
    response = Response()
    response.status_code = status
    response._content = text.encode()
    return HTTPError(f"{status} for url {URL}", response=response)


def rpc(*answers: Any, attempts: int = 3) -> tuple[Rpc, Scripted, list[float]]:
    provider, slept = Scripted(*answers), list[float]()
    return Rpc(URL, provider=provider, sleep=slept.append, attempts=attempts), provider, slept


def test_a_result_is_returned() -> None:
    client, provider, slept = rpc(result("0x1"))
    assert client.call("eth_chainId") == "0x1"
    assert provider.asked == [("eth_chainId", [])]
    assert slept == []


@pytest.mark.parametrize(
    "fault",
    [
        NoConnection(f"Max retries exceeded with url: {URL}"),
        ReadTimeout(URL),
        http(429),
        http(503),
        error("daily request count exceeded, request rate limited", -32005),
        error("Your app has exceeded its compute units per second capacity", 429),
        ValueError("not json"),
    ],
)
def test_what_may_pass_is_tried_again_with_longer_pauses(fault: Any) -> None:
    client, provider, slept = rpc(fault, fault, result(7))
    assert client.call("eth_blockNumber") == 7
    assert len(provider.asked) == 3
    assert slept == [0.5, 1.0]


def test_pauses_do_not_grow_without_end() -> None:
    client, _, slept = rpc(*[http(503)] * 12, attempts=12)
    with pytest.raises(RpcError, match="HTTP status 503"):
        client.call("eth_blockNumber")
    assert max(slept) == 30.0
    assert len(slept) == 11


@pytest.mark.parametrize(
    "message",
    [
        "query returned more than 10000 results",
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
        "exceed maximum block range: 5000",
        "block range is too large",
        "query timeout exceeded",
        "eth_getLogs is limited to a 10,000 range: block range too wide",
        "requested too many blocks from 0 to 16777216, maximum is set to 2048",
    ],
)
def test_too_large_an_answer_is_not_tried_again(message: str) -> None:
    client, provider, _ = rpc(error(message))
    with pytest.raises(TooMuch):
        client.call("eth_getLogs", {})
    assert len(provider.asked) == 1


def test_a_limit_told_with_an_http_status_is_understood() -> None:
    text = '{"error": {"code": -32602, "message": "query returned more than 10000 results"}}'
    client, _, _ = rpc(http(400, text))
    with pytest.raises(TooMuch):
        client.call("eth_getLogs", {})


def test_logs_that_take_too_long_are_too_much() -> None:
    client, provider, _ = rpc(ReadTimeout(URL))
    with pytest.raises(TooMuch):
        client.call("eth_getLogs", {})
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_is_told_at_once(status: int) -> None:
    client, provider, _ = rpc(http(status, "<html>"))
    with pytest.raises(RpcError, match=f"HTTP status {status}") as caught:
        client.call("eth_chainId")
    assert "ALP_RPC_URL" in caught.value.hint
    assert len(provider.asked) == 1


@pytest.mark.parametrize("answer", [None, "hello", {"id": 1}, []])
def test_an_answer_that_is_no_json_rpc_is_refused(answer: Any) -> None:
    client, _, _ = rpc(answer)
    with pytest.raises(RpcError, match="something else than JSON-RPC"):
        client.call("eth_chainId")


def test_a_batch_is_one_request() -> None:
    client, provider, _ = rpc([result(1), result(2)])
    assert client.batch([("a", (1,)), ("b", (2,))]) == [1, 2]
    assert provider.asked == [("batch", [("a", [1]), ("b", [2])])]


@pytest.mark.parametrize("refusal", [error("batch requests are not supported"), [result(1)]])
def test_a_node_without_batches_is_asked_one_by_one_from_then_on(refusal: Any) -> None:
    client, provider, _ = rpc(refusal, result(1), result(2), result(3), result(4))
    assert client.batch([("a", ()), ("b", ())]) == [1, 2]
    assert client.batch([("a", ()), ("b", ())]) == [3, 4]
    assert [method for method, _ in provider.asked] == ["batch", "a", "b", "a", "b"]


@pytest.mark.parametrize(
    "answers",
    [
        [NoConnection(f"HTTPSConnectionPool(host='eth-mainnet.g.nodes.example.com'): {URL}")] * 3,
        [http(403, f"bad key {KEY}")],
        [error(f"invalid project id {KEY}")],
        [ValueError(f"{URL}")] * 3,
        [ReadTimeout(URL)] * 3,
    ],
)
def test_the_key_is_in_no_message_and_no_traceback(answers: list[Any]) -> None:
    client, _, _ = rpc(*answers)
    with pytest.raises(RpcError) as caught:
        client.call("eth_blockNumber")
    shown = (
        "".join(traceback.format_exception(caught.value)) + str(caught.value.hint) + repr(client)
    )
    assert KEY not in shown
    assert "eth-mainnet" not in shown
    assert "https://*.example.com" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (URL, "https://*.example.com"),
        ("http://127.0.0.1:8545/key", "http://127.0.0.1:8545"),
        ("http://localhost:8545", "http://localhost:8545"),
        ("https://example.com/key", "https://example.com"),
        ("https://0123456789abcdef.nodes.example.org:443/", "https://*.example.org:443"),
        ("http://[::1]:8545/", "http://::1:8545"),
    ],
)
def test_an_endpoint_is_named_without_what_may_be_secret(url: str, label: str) -> None:
    assert endpoint_label(url) == label


@pytest.mark.parametrize("url", ["", "ws://node", "example.com", "file:///etc/passwd", "https://"])
def test_what_is_no_http_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint_label(url)
    assert "ALP_RPC_URL" in caught.value.hint


def test_scrubbing_takes_out_every_part() -> None:
    text = f"GET /v2/{KEY}?token={KEY} to eth-mainnet.g.nodes.example.com by user {KEY}"
    assert KEY not in scrub(text, URL)
    assert "eth-mainnet" not in scrub(text, URL)


def test_libraries_that_log_urls_are_kept_quiet() -> None:
    Rpc("http://127.0.0.1:1/" + KEY)
    for name in ("web3", "urllib3", "requests"):
        assert logging.getLogger(name).level >= logging.WARNING
