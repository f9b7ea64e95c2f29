"""What is signed is believed, with any parameters; with any byte changed it is not."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import pytest
from accounts import BASE64, EXCHANGE, HMAC, KEY, KRAKEN, PHRASE, asymmetric
from hypothesis import given, settings
from hypothesis import strategies as st

from alp.errors import ConfigError
from alp.venues.binance import signing as binance
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.kraken import signing as kraken
from alp.venues.signing import (
    AuthenticationError,
    Nonces,
    Reason,
    SignedRequest,
    pairs_of,
    text_of,
)
from alp.venues.signing import asymmetric as sign_asymmetric

NOW_S = 1_767_225_600
NOW_MS = NOW_S * 1000
RANDOM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ADDED = {"apiKey", "recvWindow", "signature", "timestamp", "nonce"}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "+",
        "&",
        "=",
        "&signature=",
        "%",
        "%2B",
        "a b",
        "/?#",
        "é",
        "魚",
        "🐟",
        "\x00\n",
        "'",
    ]
)
values = texts | st.integers(-(10**18), 10**18) | st.booleans()
params = st.dictionaries(texts.filter(lambda name: name not in ADDED), values, max_size=6)
binance_accounts = st.sampled_from([HMAC, asymmetric("ed25519"), asymmetric("rsa")])
coinbase_accounts = st.sampled_from([asymmetric("ed25519"), asymmetric("es256")])


def as_texts(given: dict[str, Any]) -> dict[str, str]:
    return {name: text_of(value) for name, value in given.items()}


def changed(draw: st.DrawFn, text: str) -> str:
    """The text with one character another, both printable and ASCII."""
    place = draw(st.integers(0, len(text) - 1))
    other = draw(st.characters(min_codepoint=33, max_codepoint=126))
    return (
        text[:place] + (other if other != text[place] else "~!"[other == "~"]) + text[place + 1 :]
    )


def ask_binance(
    account: Credentials, signed: SignedRequest, now_ms: int = NOW_MS
) -> dict[str, str]:
    return binance.verify_request(
        account,
        signed.target.partition("?")[2],
        signed.body,
        key=signed.headers["X-MBX-APIKEY"],
        now_ms=now_ms,
    )


@settings(deadline=None)
@given(binance_accounts, params, st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.booleans())
def test_binance_believes_any_request_and_reads_what_was_meant(
    account: Credentials, given: dict[str, Any], method: str, in_body: bool
) -> None:
    signed = binance.sign_request(
        account, method, "/api/v3/order", given, timestamp_ms=NOW_MS, in_body=in_body
    )
    assert ("?" in signed.target) is not in_body
    assert signed.target.isascii()
    read = ask_binance(account, signed)
    assert read == {**as_texts(given), "recvWindow": "5000", "timestamp": str(NOW_MS)}


@settings(deadline=None)
@given(binance_accounts, params, st.data())
def test_binance_believes_no_request_with_a_byte_changed(
    account: Credentials, given: dict[str, Any], data: st.DataObject
) -> None:
    signed = binance.sign_request(account, "DELETE", "/api/v3/order", given, timestamp_ms=NOW_MS)
    query = signed.target.partition("?")[2]
    other = data.draw(st.composite(changed)(query))
    if says_the_same(account, query, other):
        assert binance.verify_request(account, other, b"", key=KEY, now_ms=NOW_MS)
        return
    with pytest.raises(AuthenticationError):
        binance.verify_request(account, other, b"", key=KEY, now_ms=NOW_MS)
    with pytest.raises(AuthenticationError):
        binance.verify_request(account, "", other.encode(), key=KEY, now_ms=NOW_MS)


def says_the_same(account: Credentials, query: str, other: str) -> bool:
    """Whether only the spelling of the signature changed: ``%2f``, or the case of HMAC's digits."""
    fold = str.lower if account is HMAC else str
    parts = [each.rpartition("signature=") for each in (query, other)]
    (before, mark, signature), (before_other, mark_other, signature_other) = parts
    return (before, mark, fold(unquote(signature))) == (
        before_other,
        mark_other,
        fold(unquote(signature_other)),
    )


@pytest.mark.parametrize("kind", ["hmac", "ed25519", "rsa"])
def test_the_spelling_of_a_signature_in_a_query_does_not_matter(kind: str) -> None:
    account = HMAC if kind == "hmac" else asymmetric(kind)
    seen = 0
    for number in range(20):
        signed = binance.sign_request(account, "GET", "/a", {"n": number}, timestamp_ms=NOW_MS)
        query = signed.target.partition("?")[2]
        before, mark, signature = query.rpartition("signature=")
        other = signature.upper() if kind == "hmac" else re.sub("%2[BF]", _lower, signature)
        seen += other != signature
        assert binance.verify_request(account, before + mark + other, b"", key=KEY, now_ms=NOW_MS)
    assert seen


def _lower(match: re.Match[str]) -> str:
    return match.group().lower()


def test_parameters_go_into_the_body_of_what_is_posted_and_the_signature_last() -> None:
    posted = binance.sign_request(HMAC, "POST", "/fapi/v1/order", {"a": "b c/~"}, timestamp_ms=1)
    assert posted.target == "/fapi/v1/order"
    assert posted.body.startswith(b"a=b%20c%2F~&recvWindow=5000&timestamp=1&signature=")
    assert posted.headers["Content-Type"] == "application/x-www-form-urlencoded"
    asked = binance.sign_request(HMAC, "GET", "/fapi/v1/order", timestamp_ms=1)
    assert asked.body == b""
    assert asked.headers == {"X-MBX-APIKEY": KEY}


def test_a_query_and_a_body_are_signed_as_one() -> None:
    signature = binance.sign_payload(HMAC, f"a=1b=2&timestamp={NOW_MS}".encode())
    body = f"b=2&timestamp={NOW_MS}&signature={signature}".encode()
    read = binance.verify_request(HMAC, "a=1", body, key=KEY, now_ms=NOW_MS)
    assert read == {"a": "1", "b": "2", "timestamp": str(NOW_MS)}


def test_a_request_has_one_signature() -> None:
    query = "a=1&signature=aa"
    payload = f"a=1timestamp={NOW_MS}"
    body = f"timestamp={NOW_MS}&signature={binance.sign_payload(HMAC, payload.encode())}".encode()
    with pytest.raises(AuthenticationError, match="twice"):
        binance.verify_request(HMAC, query, body, key=KEY, now_ms=NOW_MS)


def refusal(act: Callable[[], object]) -> Reason:
    with pytest.raises(AuthenticationError) as failure:
        act()
    return failure.value.reason


def query_of(payload: str) -> str:
    return f"{payload}&signature={binance.sign_payload(HMAC, payload.encode())}"


@pytest.mark.parametrize(
    ("query", "key", "reason"),
    [
        (query_of(f"timestamp={NOW_MS}"), None, Reason.MISSING),
        (query_of(f"timestamp={NOW_MS}"), "another", Reason.KEY),
        (f"timestamp={NOW_MS}", KEY, Reason.MISSING),
        (f"timestamp={NOW_MS}&signature=", KEY, Reason.MISSING),
        (query_of(f"timestamp={NOW_MS}") + "&b=1", KEY, Reason.MISSING),
        (query_of("a=1"), KEY, Reason.MISSING),
        (query_of("timestamp=1e9"), KEY, Reason.MALFORMED),
        (query_of(f"timestamp={NOW_MS}&recvWindow=60001"), KEY, Reason.MALFORMED),
        (query_of(f"timestamp={NOW_MS}&a=1&a=2"), KEY, Reason.MALFORMED),
        (query_of(f"timestamp={NOW_MS}&a=%ff"), KEY, Reason.MALFORMED),
        (query_of(f"timestamp={NOW_MS}&a=é"), KEY, Reason.SIGNATURE),
        (query_of(f"timestamp={NOW_MS - 5001}"), KEY, Reason.CLOCK),
        (query_of(f"timestamp={NOW_MS + 1000}"), KEY, Reason.CLOCK),
        (query_of(f"timestamp={NOW_MS - 101}&recvWindow=100"), KEY, Reason.CLOCK),
    ],
)
def test_binance_says_why_it_does_not_believe(query: str, key: str | None, reason: Reason) -> None:
    assert (
        refusal(lambda: binance.verify_request(HMAC, query, b"", key=key, now_ms=NOW_MS)) is reason
    )


def test_the_edges_of_the_receive_window_are_within() -> None:
    for sent_ms in (NOW_MS - 5000, NOW_MS + 999):
        query = query_of(f"timestamp={sent_ms}")
        assert binance.verify_request(HMAC, query, b"", key=KEY, now_ms=NOW_MS)


@settings(deadline=None)
@given(binance_accounts, params, st.data())
def test_a_call_of_the_websocket_api_is_believed_in_any_order_and_not_when_changed(
    account: Credentials, given: dict[str, Any], data: st.DataObject
) -> None:
    call = binance.sign_call(account, given, timestamp_ms=NOW_MS, receive_window_ms=1000)
    sent = json.loads(json.dumps(dict(reversed(call.items()))))
    binance.verify_call(account, sent, now_ms=NOW_MS)
    name = data.draw(st.sampled_from([each for each in call if each != "signature"]))
    with pytest.raises(AuthenticationError):
        binance.verify_call(account, {**sent, name: text_of(sent[name]) + "0"}, now_ms=NOW_MS)
    signature = str(call["signature"])
    with pytest.raises(AuthenticationError):
        binance.verify_call(account, {**sent, "signature": signature[:-5] + "?"}, now_ms=NOW_MS)


def test_only_an_ed25519_key_logs_on() -> None:
    signer = asymmetric("ed25519")
    logon = binance.sign_logon(signer, timestamp_ms=NOW_MS)
    assert list(logon) == ["apiKey", "timestamp", "signature"]
    binance.verify_call(signer, logon, now_ms=NOW_MS + 100)
    assert refusal(lambda: binance.verify_call(signer, logon, now_ms=NOW_MS + 9000)) is Reason.CLOCK
    for other in (HMAC, asymmetric("rsa")):
        with pytest.raises(ConfigError, match="needs an Ed25519 key"):
            binance.sign_logon(other, timestamp_ms=NOW_MS)


targets = st.sampled_from(
    ["/api/v3/brokerage/orders", "/api/v3/brokerage/products/ETH-USDC", "/api/v3/x?a=1&b=%20"]
)
methods = st.sampled_from(["GET", "POST", "DELETE"])


@settings(deadline=None)
@given(coinbase_accounts, methods, targets, st.binary(max_size=40), st.integers(0, 10**10))
def test_coinbase_believes_the_token_of_a_request(
    account: Credentials, method: str, target: str, body: bytes, now_s: int
) -> None:
    signed = coinbase.sign_request(account, method, target, body, now_s=now_s, nonce=RANDOM)
    assert (signed.target, signed.body) == (target, body)
    path = target.partition("?")[0]
    claims = coinbase.verify_request(
        account, method, path, authorization=signed.headers["Authorization"], now_s=now_s + 1
    )
    assert claims["uri"] == f"{method} api.coinbase.com{path}"
    assert (claims["nbf"], claims["exp"]) == (now_s, now_s + 120)


@settings(deadline=None)
@given(coinbase_accounts, st.data())
def test_coinbase_believes_no_token_with_a_byte_changed(
    account: Credentials, data: st.DataObject
) -> None:
    token = coinbase.make_token(account, now_s=NOW_S, nonce=RANDOM)
    assert "uri" not in coinbase.verify_token(account, token, now_s=NOW_S)
    other = data.draw(st.composite(changed)(token))
    with pytest.raises(AuthenticationError):
        coinbase.verify_token(account, other, now_s=NOW_S)


def test_a_token_is_of_one_request_one_account_and_two_minutes() -> None:
    account = asymmetric("es256")
    signed = coinbase.sign_request(account, "GET", "/a/b", now_s=NOW_S, nonce=RANDOM)
    bearer = signed.headers["Authorization"]

    def ask(
        method: str = "GET",
        path: str = "/a/b",
        authorization: str | None = bearer,
        now_s: int = NOW_S,
        who: Credentials = account,
    ) -> object:
        return coinbase.verify_request(who, method, path, authorization=authorization, now_s=now_s)

    assert ask(now_s=NOW_S + 149)
    assert refusal(lambda: ask(method="POST")) is Reason.SIGNATURE
    assert refusal(lambda: ask(path="/b")) is Reason.SIGNATURE
    assert refusal(lambda: ask(authorization=None)) is Reason.MISSING
    assert refusal(lambda: ask(authorization="Basic x")) is Reason.MISSING
    assert refusal(lambda: ask(authorization="Bearer a.b")) is Reason.MALFORMED
    assert refusal(lambda: ask(now_s=NOW_S + 150)) is Reason.CLOCK
    assert refusal(lambda: ask(now_s=NOW_S - 31)) is Reason.CLOCK
    assert refusal(lambda: ask(who=asymmetric("ed25519"))) is Reason.SIGNATURE
    socket = coinbase.make_token(account, now_s=NOW_S, nonce=RANDOM)
    assert refusal(lambda: ask(authorization=f"Bearer {socket}")) is Reason.MISSING
    nameless = coinbase.make_token(account, now_s=NOW_S, nonce="")
    assert refusal(lambda: ask(authorization=f"Bearer {nameless}")) is Reason.MISSING


def forged(account: Credentials, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with any words, signed rightly."""
    parts = [orjson.dumps(part) for part in (header, claims)]
    payload = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    signature = base64.urlsafe_b64encode(sign_asymmetric(account, payload.encode())).decode()
    return f"{payload}.{signature.rstrip('=')}"


@pytest.mark.parametrize(
    ("header", "claims", "reason"),
    [
        ({"alg": "EdDSA"}, {}, Reason.SIGNATURE),
        ({"alg": None}, {}, Reason.SIGNATURE),
        ({"kid": "another"}, {}, Reason.KEY),
        ({}, {"sub": "another"}, Reason.KEY),
        ({}, {"sub": None}, Reason.MISSING),
        ({}, {"exp": NOW_S + 121}, Reason.CLOCK),
        ({}, {"exp": None}, Reason.MISSING),
        ({}, {"nbf": True}, Reason.MISSING),
        ({"nonce": 5}, {}, Reason.MISSING),
    ],
)
def test_a_token_that_is_signed_rightly_but_says_what_it_should_not_is_not_believed(
    header: dict[str, Any], claims: dict[str, Any], reason: Reason
) -> None:
    account = asymmetric("es256")
    good = coinbase.read_token(coinbase.make_token(account, now_s=NOW_S, nonce=RANDOM))
    assert coinbase.verify_token(account, forged(account, *good), now_s=NOW_S)
    token = forged(account, {**good[0], **header}, {**good[1], **claims})
    assert refusal(lambda: coinbase.verify_token(account, token, now_s=NOW_S)) is reason


def ask_exchange(method: str, target: str, body: bytes, **parts: Any) -> None:
    given = {"key": KEY, "passphrase": PHRASE, "now_s": NOW_S, **parts}
    coinbase.verify_exchange(EXCHANGE, method, target, body, **given)


@settings(deadline=None)
@given(methods, targets, st.binary(max_size=40), st.data())
def test_the_exchange_believes_what_is_signed_and_nothing_changed(
    method: str, target: str, body: bytes, data: st.DataObject
) -> None:
    stamp = f"{NOW_S}.25"
    signed = coinbase.sign_exchange(EXCHANGE, method, target, body, timestamp_s=stamp)
    good = {"timestamp_s": stamp, "signature": signed.headers["CB-ACCESS-SIGN"]}
    ask_exchange(method, target, body, **good)
    part = data.draw(st.sampled_from(["timestamp_s", "signature", "key", "passphrase", "target"]))
    whole = {"key": KEY, "passphrase": PHRASE, "target": target, **good}
    other = {**whole, part: data.draw(st.composite(changed)(whole[part]))}
    with pytest.raises(AuthenticationError):
        ask_exchange(method, other.pop("target"), body, **other)
    with pytest.raises(AuthenticationError):
        ask_exchange(method, target, body + b" ", **good)


def test_a_login_to_the_exchanges_socket_is_a_request_that_is_not_sent() -> None:
    login = coinbase.sign_exchange_login(EXCHANGE, timestamp_s=str(NOW_S))
    assert set(login) == {"signature", "key", "passphrase", "timestamp"}
    ask_exchange(
        "GET",
        coinbase.EXCHANGE_LOGIN,
        b"",
        timestamp_s=login["timestamp"],
        signature=login["signature"],
        passphrase=login["passphrase"],
    )
    late = {"timestamp_s": login["timestamp"], "signature": login["signature"]}
    assert (
        refusal(lambda: ask_exchange("GET", coinbase.EXCHANGE_LOGIN, b"", now_s=NOW_S + 31, **late))
        is Reason.CLOCK
    )
    with pytest.raises(ConfigError, match="wants a passphrase"):
        coinbase.sign_exchange(KRAKEN, "GET", "/orders", timestamp_s=str(NOW_S))


ADD = "/0/private/AddOrder"


@settings(deadline=None)
@given(params, st.integers(1, 2**64 - 1), st.data())
def test_kraken_believes_any_form_and_none_with_a_byte_changed(
    given: dict[str, Any], nonce: int, data: st.DataObject
) -> None:
    signed = kraken.sign_request(KRAKEN, ADD, given, nonce=nonce)
    read = dict(parse_qsl(signed.body.decode(), keep_blank_values=True, strict_parsing=True))
    assert read == {**as_texts(given), "nonce": str(nonce)}
    good = {"key": signed.headers["API-Key"], "signature": signed.headers["API-Sign"]}
    assert kraken.verify_request(KRAKEN, ADD, signed.body, after=nonce - 1, **good) == nonce
    part = data.draw(st.sampled_from(["body", "key", "signature", "path"]))
    whole = {**good, "body": signed.body.decode(), "path": ADD}
    other = {**whole, part: data.draw(st.composite(changed)(whole[part]))}
    body = other.pop("body").encode()
    with pytest.raises(AuthenticationError):
        kraken.verify_request(KRAKEN, other.pop("path"), body, **other)


nested = st.recursive(
    texts | st.booleans() | st.integers(-(2**31), 2**31),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(texts.filter("nonce".__ne__), nested, max_size=4))
def test_kraken_believes_nested_parameters_as_json(given: dict[str, Any]) -> None:
    signed = kraken.sign_json_request(KRAKEN, ADD, given, nonce=7)
    assert orjson.loads(signed.body) == {"nonce": "7", **given}
    good = {"key": KEY, "signature": signed.headers["API-Sign"]}
    assert kraken.verify_request(KRAKEN, ADD, signed.body, is_json=True, **good) == 7
    with pytest.raises(AuthenticationError):
        kraken.verify_request(KRAKEN, ADD, signed.body + b" ", is_json=True, **good)


@pytest.mark.parametrize(
    ("body", "is_json", "after", "reason"),
    [
        (b"nonce=5", False, 5, Reason.NONCE),
        (b"a=1", False, 0, Reason.MISSING),
        (b"nonce=5&nonce=6", False, 0, Reason.MALFORMED),
        (b"nonce=18446744073709551616", False, 0, Reason.MALFORMED),
        (b"nonce=-5", False, 0, Reason.MALFORMED),
        (b"nonce=\xff", False, 0, Reason.MALFORMED),
        (b'{"nonce":5}', True, 5, Reason.NONCE),
        (b'{"nonce":null}', True, 0, Reason.MISSING),
        (b"[]", True, 0, Reason.MISSING),
        (b"{", True, 0, Reason.MALFORMED),
    ],
)
def test_kraken_wants_a_nonce_above_the_last(
    body: bytes, is_json: bool, after: int, reason: Reason
) -> None:
    def nonce() -> str:
        return str(json.loads(body)["nonce"]) if is_json else body.decode().partition("=")[2]

    try:
        signature = kraken.sign_payload(KRAKEN, ADD, nonce(), body)
    except (ValueError, TypeError, KeyError):
        signature = "none"
    assert (
        refusal(
            lambda: kraken.verify_request(
                KRAKEN, ADD, body, key=KEY, signature=signature, is_json=is_json, after=after
            )
        )
        is reason
    )


SEND = "/derivatives/api/v3/sendorder"


@settings(deadline=None)
@given(
    params,
    st.sampled_from(["GET", "POST", "PUT"]),
    st.none() | st.integers(1, 2**63),
    st.data(),
)
def test_kraken_futures_believe_any_request_and_none_with_a_byte_changed(
    given: dict[str, Any], method: str, nonce: int | None, data: st.DataObject
) -> None:
    signed = kraken.sign_futures_request(KRAKEN, method, SEND, given, nonce=nonce)
    query = signed.target.partition("?")[2]
    whole = {
        "path": SEND,
        "query": query,
        "body": signed.body.decode(),
        "key": KEY,
        "authent": signed.headers["Authent"],
        **({} if nonce is None else {"nonce": signed.headers["Nonce"]}),
    }

    def ask(parts: dict[str, str]) -> int | None:
        rest = {name: text for name, text in parts.items() if name not in ("path", "query", "body")}
        return kraken.verify_futures_request(
            KRAKEN, parts["path"], parts["query"], parts["body"].encode(), **rest
        )

    assert ask(whole) == nonce
    part = data.draw(st.sampled_from([name for name, text in whole.items() if text]))
    with pytest.raises(AuthenticationError):
        ask({**whole, part: data.draw(st.composite(changed)(whole[part]))})


@settings(deadline=None)
@given(texts.filter(bool), st.data())
def test_kraken_futures_believe_the_answer_to_their_own_challenge(
    challenge: str, data: st.DataObject
) -> None:
    answer = kraken.sign_challenge(KRAKEN, challenge)
    kraken.verify_challenge(KRAKEN, challenge, {"event": "subscribe", **answer})
    part = data.draw(st.sampled_from([name for name, text in answer.items() if text]))
    for other in (data.draw(st.composite(changed)(answer[part])), None, 5):
        with pytest.raises(AuthenticationError):
            kraken.verify_challenge(KRAKEN, challenge, {**answer, part: other})
    with pytest.raises(AuthenticationError):
        kraken.verify_challenge(KRAKEN, challenge + "x", answer)


SIGNERS: list[Callable[[Credentials], object]] = [
    lambda account: binance.sign_request(account, "GET", "/a", timestamp_ms=1),
    lambda account: binance.sign_call(account, timestamp_ms=1),
    lambda account: coinbase.make_token(account, now_s=1, nonce=RANDOM),
    lambda account: coinbase.sign_exchange(account, "GET", "/a", timestamp_s="1"),
    lambda account: kraken.sign_request(account, "/a", nonce=1),
    lambda account: kraken.sign_futures_request(account, "GET", "/a"),
    lambda account: kraken.sign_challenge(account, "a"),
]


@pytest.mark.parametrize("sign", SIGNERS)
@pytest.mark.parametrize("kind", ["hmac", "es256", "ed25519", "rsa"])
def test_credentials_of_another_kind_are_refused_or_sign(
    sign: Callable[[Credentials], object], kind: str
) -> None:
    account = (
        credentials_of(KEY, secret=Secret("hidden secret".replace(" ", "!")))
        if kind == "hmac"
        else asymmetric(kind)
    )
    refused = ""
    try:
        sign(account)
    except ConfigError as error:
        refused = str(error)
    assert "hidden" not in refused


def test_parameters_with_more_than_one_spelling_are_not_signed() -> None:
    for value in (1.5, None, b"a", [1]):
        with pytest.raises(TypeError, match="more than one spelling"):
            binance.sign_request(HMAC, "GET", "/a", {"a": value}, timestamp_ms=1)  # type: ignore[dict-item]
    assert [text_of(value) for value in (True, False, -7, "1e5")] == ["true", "false", "-7", "1e5"]


def test_parameters_that_signing_adds_or_that_come_twice_are_refused() -> None:
    for name in ("timestamp", "signature", "recvWindow", "apiKey"):
        with pytest.raises(ValueError, match=name):
            binance.sign_request(HMAC, "GET", "/a", {name: 1}, timestamp_ms=1)
        with pytest.raises(ValueError, match=name):
            binance.sign_call(HMAC, {name: 1}, timestamp_ms=1)
    for sign in (kraken.sign_request, kraken.sign_json_request):
        with pytest.raises(ValueError, match="nonce"):
            sign(KRAKEN, ADD, {"nonce": 1}, nonce=2)
    with pytest.raises(ValueError, match="twice"):
        pairs_of([("a", 1), ("a", 2)])


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**19), min_size=1, max_size=40), st.integers(0, 10**15))
def test_nonces_only_grow_whatever_the_clock_does(clock: list[int], last: int) -> None:
    times = iter(clock)
    nonces = Nonces(lambda: next(times), unit_ns=1000, last=last)
    made = [nonces.next() for _ in clock]
    assert all(later > earlier for earlier, later in zip([last, *made], made, strict=False))
    assert made[0] == max(last + 1, clock[0] // 1000)


def test_base64_has_one_spelling() -> None:
    account = asymmetric("ed25519")
    good = base64.b64encode(b"x" * 64).decode()
    for spelling in (good[:-3] + "B==", good.rstrip("="), good + "\n", " " + good, "é", BASE64):
        assert refusal(lambda text=spelling: binance.verify_payload(account, b"", text)) in (
            Reason.MALFORMED,
            Reason.SIGNATURE,
        )
