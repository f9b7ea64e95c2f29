"""How Binance, spot and USD-M futures, is told who asks: by HMAC-SHA256, Ed25519 or RSA.

REST signs the query and the body exactly as they are sent, percent-encoded before; the signature
is their last parameter. The WebSocket API signs the parameters sorted by name, raw. Ed25519 and
RSA signatures are in base64, those of HMAC in hexadecimal, whose case is the same to the venue.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote, unquote

from alp.errors import ConfigError
from alp.venues.credentials import Credentials, Kind, require
from alp.venues.signing import (
    FORM,
    AuthenticationError,
    Params,
    Reason,
    SignedRequest,
    Value,
    asymmetric,
    from_base64,
    hmac_bytes,
    pairs_of,
    percent_decoded,
    percent_encoded,
    text_of,
    verify_asymmetric,
    verify_key,
    verify_signature,
)

KINDS = (Kind.ED25519, Kind.HMAC, Kind.RSA)
KEY_HEADER = "X-MBX-APIKEY"
RECEIVE_WINDOW_MS = 5000
WIDEST_WINDOW_MS = 60_000
AHEAD_MS = 1000
_ADDED = ("apiKey", "recvWindow", "signature", "timestamp")
_LAST = "signature="


def check(credentials: Credentials) -> None:
    """Refuse credentials that cannot sign here.

    Raises
    ------
    ConfigError
        If they are of a kind that the venue does not take.
    """
    require(credentials, KINDS, "Binance")


def sign_payload(credentials: Credentials, payload: bytes) -> str:
    """Return the signature of what is sent; not yet escaped."""
    if credentials.kind is Kind.HMAC:
        return hmac_bytes(credentials, payload, "sha256").hex()
    check(credentials)
    return base64.b64encode(asymmetric(credentials, payload)).decode()


def verify_payload(credentials: Credentials, payload: bytes, signature: str | None) -> None:
    """Compare a signature as the venue does.

    Raises
    ------
    AuthenticationError
        If there is none, or it is not this payload's.
    """
    if not signature:
        raise AuthenticationError(Reason.MISSING, "no signature")
    if credentials.kind is Kind.HMAC:
        verify_signature(sign_payload(credentials, payload), signature.lower())
    else:
        verify_asymmetric(credentials, payload, from_base64(signature))


def key_header(credentials: Credentials) -> dict[str, str]:
    """Return what names the account; all that requests about listen keys need."""
    return {KEY_HEADER: credentials.key}


def sign_request(
    credentials: Credentials,
    method: str,
    path: str,
    params: Params = (),
    *,
    timestamp_ms: int,
    receive_window_ms: int = RECEIVE_WINDOW_MS,
    in_body: bool | None = None,
) -> SignedRequest:
    """Sign a request of REST.

    Parameters
    ----------
    path
        Without a query: ``/fapi/v1/order``.
    params
        In the order in which they are sent.
    in_body
        Whether they go into the body; by default those of POST and PUT do.

    Raises
    ------
    ConfigError
        If the credentials are of a kind that the venue does not take.
    ValueError
        If a parameter is given twice or is one that signing adds.
    """
    pairs = pairs_of(params, _ADDED)
    pairs += [("recvWindow", str(receive_window_ms)), ("timestamp", str(timestamp_ms))]
    payload = percent_encoded(pairs)
    signature = sign_payload(credentials, payload.encode("ascii"))
    signed = f"{payload}&{_LAST}{quote(signature, safe='')}"
    headers = key_header(credentials)
    if in_body is None:
        in_body = method in ("POST", "PUT")
    if not in_body:
        return SignedRequest(method, f"{path}?{signed}", headers)
    return SignedRequest(method, path, {**headers, "Content-Type": FORM}, signed.encode("ascii"))


def verify_request(
    credentials: Credentials, query: str, body: bytes, *, key: str | None, now_ms: int
) -> dict[str, str]:
    """Return the parameters of a request of REST, with those that signing added.

    Parameters
    ----------
    query
        As it was sent, without the question mark; nothing decoded.
    key
        The header that names the account.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    verify_key(credentials, key)
    try:
        form = body.decode("ascii")
        query.encode("ascii")
    except UnicodeError as error:
        raise AuthenticationError(Reason.SIGNATURE, "not percent-encoded") from error
    (of_query, in_query), (of_form, in_form) = _split(query), _split(form)
    signature = in_form if in_query is None else in_query
    if signature is None:
        raise AuthenticationError(Reason.MISSING, "no signature at the end")
    if in_query is not None and in_form is not None:
        raise AuthenticationError(Reason.MALFORMED, "signature is given twice")
    verify_payload(credentials, (of_query + of_form).encode("ascii"), unquote(signature))
    joined = "&".join(part for part in (of_query, of_form) if part)
    params = percent_decoded(joined)
    _verify_time(params.get("timestamp"), params.get("recvWindow"), now_ms)
    return params


def sign_call(
    credentials: Credentials,
    params: Mapping[str, Value] | None = None,
    *,
    timestamp_ms: int,
    receive_window_ms: int | None = None,
) -> dict[str, Value]:
    """Return the parameters of a call of the WebSocket API with key, time and signature.

    Raises
    ------
    ConfigError
        If the credentials are of a kind that the venue does not take.
    ValueError
        If a parameter is one that signing adds.
    """
    given = dict(params or {})
    pairs_of(given, _ADDED)
    given |= {"apiKey": credentials.key, "timestamp": timestamp_ms}
    if receive_window_ms is not None:
        given["recvWindow"] = receive_window_ms
    return {**given, "signature": sign_payload(credentials, call_payload(given))}


def call_payload(params: Mapping[str, Value]) -> bytes:
    """Return what is signed of a call's parameters; ``signature`` is left out."""
    pieces = (f"{name}={text_of(params[name])}" for name in sorted(params) if name != "signature")
    return "&".join(pieces).encode()


def sign_logon(
    credentials: Credentials, *, timestamp_ms: int, receive_window_ms: int | None = None
) -> dict[str, Value]:
    """Return the parameters of ``session.logon``; calls after it need only a timestamp.

    Raises
    ------
    ConfigError
        If the key is not an Ed25519 one: the venue lets no other log on.
    """
    if credentials.kind is not Kind.ED25519:
        raise ConfigError(
            f"Binance's session.logon needs an Ed25519 key, this one is {credentials.kind}",
            hint="each call can be signed by itself with any key",
        )
    return sign_call(credentials, timestamp_ms=timestamp_ms, receive_window_ms=receive_window_ms)


def verify_call(credentials: Credentials, params: Mapping[str, Value], *, now_ms: int) -> None:
    """Check the parameters of a call of the WebSocket API, logon included.

    Parameters
    ----------
    params
        Numbers with a point as the text that was sent, so that they have one spelling.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    texts = {name: text_of(value) for name, value in params.items()}
    verify_key(credentials, texts.get("apiKey"))
    try:
        payload = call_payload(texts)
    except UnicodeEncodeError as error:
        raise AuthenticationError(Reason.MALFORMED, "not UTF-8") from error
    verify_payload(credentials, payload, texts.get("signature"))
    _verify_time(texts.get("timestamp"), texts.get("recvWindow"), now_ms)


def _split(part: str) -> tuple[str, str | None]:
    """Cut the signature off the end of a query or form."""
    before, found, last = part.rpartition("&")
    if last.startswith(_LAST):
        return before, last.removeprefix(_LAST)
    return before + found + last, None


def _verify_time(timestamp: str | None, window: str | None, now_ms: int) -> None:
    if timestamp is None:
        raise AuthenticationError(Reason.MISSING, "no timestamp")
    texts = (timestamp, window or str(RECEIVE_WINDOW_MS))
    if not all(text.isascii() and text.isdigit() and len(text) <= 16 for text in texts):
        raise AuthenticationError(Reason.MALFORMED, "timestamp or recvWindow is no number")
    sent_ms, window_ms = map(int, texts)
    if window_ms > WIDEST_WINDOW_MS:
        raise AuthenticationError(Reason.MALFORMED, f"recvWindow above {WIDEST_WINDOW_MS}")
    if not (sent_ms < now_ms + AHEAD_MS and now_ms - sent_ms <= window_ms):
        raise AuthenticationError(Reason.CLOCK, "the timestamp is outside of the recvWindow")
