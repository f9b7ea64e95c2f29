"""Questions to an Ethereum node: retried where that helps, and the endpoint's key never shown.

An endpoint's URL usually holds the key to an account. It is kept in one private attribute;
messages name the endpoint by :attr:`Rpc.label`, and whatever a library says is scrubbed first.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from alp.errors import ConfigError, RpcError

_TOO_MUCH = re.compile(
    r"too many (results|logs|blocks)|more than \d+|limit exceeded|exceeds? (the )?(max|limit|range)"
    r"|range (is )?too (large|wide)|block range|response size|size exceeded|query timeout"
    r"|timed? ?out|too large|maximum .*range|ranges? over",
    re.IGNORECASE,
)
_TOO_FAST = re.compile(
    r"rate.?limit|too many requests|throughput|capacity|per second|compute units", re.IGNORECASE
)
_RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524}
_TIMEOUT = "no answer in time"
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


class Provider(Protocol):
    """What is needed of a web3 provider."""

    def make_request(self, method: Any, params: Any) -> Any:
        """Send one request, return the decoded answer."""

    def make_batch_request(self, batch_requests: Any) -> Any:
        """Send several requests, return the decoded answers in their order."""


class TooMuch(RpcError):  # noqa: N818 - what the node says
    """The answer would be too large or take too long: ask for less."""


class Rpc:
    """An Ethereum JSON-RPC endpoint.

    Parameters
    ----------
    url
        ``http://`` or ``https://``.
    timeout_s
        How long one answer may take.
    attempts
        How often a request is sent before giving up.
    sleep
        Waits between attempts; injected in tests.
    provider
        Injected in tests; by default web3's HTTP provider.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        provider: Provider | None = None,
    ) -> None:
        self.__url = url
        self.label = endpoint_label(url)
        self._attempts = attempts
        self._sleep = sleep
        self._batches = True
        self._provider = provider or _http_provider(url, timeout_s)

    def __repr__(self) -> str:
        return f"Rpc({self.label})"

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one request.

        Raises
        ------
        TooMuch
            If the node says the answer would be too large or takes too long.
        RpcError
            If the node refuses, or cannot be reached in all attempts.
        """
        answer = self._retried(lambda: self._provider.make_request(method, list(params)), method)
        return self._result(answer, method)

    def batch(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of several requests in their order, in one round trip if possible."""
        if len(requests) > 1 and self._batches:
            pairs = [(method, list(params)) for method, params in requests]
            answers = self._retried(lambda: self._provider.make_batch_request(pairs), "batch")
            if isinstance(answers, list) and len(answers) == len(requests):
                return [
                    self._result(answer, method)
                    for answer, (method, _) in zip(answers, requests, strict=True)
                ]
            self._batches = False  # the node takes no batches: one by one from here on
        return [self.call(method, *params) for method, params in requests]

    def scrub(self, text: str) -> str:
        """Return `text` without anything of the endpoint's URL that may be secret."""
        return scrub(text, self.__url)

    def _retried(self, send: Callable[[], Any], method: str) -> Any:
        pause = _FIRST_PAUSE_S
        for attempt in range(1, self._attempts + 1):
            reason, answer, again = self._attempt(send)
            if reason is None:
                return answer
            if reason == _TIMEOUT and method == "eth_getLogs":
                raise TooMuch(f"{self.label}: {method} got {reason}") from None
            if not again or attempt == self._attempts:
                # `from None`: a library's exception has the URL in it.
                raise RpcError(
                    f"{self.label}: {method} failed ({reason})",
                    hint="check the endpoint and its key (ALP_RPC_URL); run the command again "
                    "later: what was fetched is kept",
                ) from None
            self._sleep(pause)
            pause = min(2.0 * pause, _LONGEST_PAUSE_S)
        raise AssertionError("unreachable")

    def _attempt(self, send: Callable[[], Any]) -> tuple[str | None, Any, bool]:
        """Return (why it failed or None, the answer, whether another attempt may help)."""
        from requests import RequestException, Timeout

        try:
            answer = send()
        except Timeout:
            return _TIMEOUT, None, True
        except RequestException as error:
            response = error.response
            if response is None:
                return self.scrub(type(error).__name__), None, True
            decoded = _decode(response.text)
            if decoded is not None and response.status_code not in _RETRIED_STATUS:
                return None, decoded, False
            reason = f"HTTP status {response.status_code}"
            return reason, None, response.status_code in _RETRIED_STATUS
        except (ValueError, TypeError) as error:
            return self.scrub(f"not JSON-RPC: {type(error).__name__}"), None, True
        error_text = _error_text(answer)
        if error_text is not None and _TOO_FAST.search(error_text):
            return self.scrub(error_text), None, True
        return None, answer, False

    def _result(self, answer: Any, method: str) -> Any:
        text = _error_text(answer)
        if text is not None:
            message = f"{self.label}: {method} refused ({self.scrub(text)})"
            if _TOO_MUCH.search(text):
                raise TooMuch(message)
            raise RpcError(message, hint="the node does not know or allow this request")
        if not isinstance(answer, dict) or "result" not in answer:
            raise RpcError(f"{self.label}: {method} was answered by something else than JSON-RPC")
        return answer["result"]


def endpoint_label(url: str) -> str:
    """Return what may be shown of an endpoint's URL: scheme and the end of the host's name.

    Raises
    ------
    ConfigError
        If it is no http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "the RPC endpoint is not an http:// or https:// URL",
            hint="set ALP_RPC_URL, or give --rpc",
        )
    host = parts.hostname
    if not _is_address(host) and host.count(".") > 1:
        host = "*." + ".".join(host.split(".")[-2:])
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def scrub(text: str, url: str) -> str:
    """Return `text` with every part of `url` that may be secret replaced by ``***``."""
    parts = urlsplit(url)
    secrets = [url, parts.path + ("?" + parts.query if parts.query else ""), parts.query]
    secrets += [parts.username or "", parts.password or ""]
    secrets += re.split(r"[/&=?]", parts.path + "&" + parts.query)
    if parts.hostname and not _is_address(parts.hostname):
        secrets += [parts.hostname, *parts.hostname.split(".")[:-2]]
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, "***")
    return text


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _http_provider(url: str, timeout_s: float) -> Provider:
    # These libraries write the whole URL into their debug messages.
    for name in ("web3", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from web3 import HTTPProvider

    provider: Provider = HTTPProvider(
        url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None
    )
    return provider


def _decode(text: str) -> dict[str, Any] | None:
    """Return a JSON-RPC error that came with an HTTP error status, if there is one."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return None
    return decoded if isinstance(decoded, dict) and decoded.get("error") else None


def _error_text(answer: Any) -> str | None:
    if not isinstance(answer, dict) or not answer.get("error"):
        return None
    error = answer["error"]
    if isinstance(error, dict):
        return f"{error.get('message', error)} [{error.get('code')}]"
    return str(error)
