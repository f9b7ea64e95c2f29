"""How Coinbase is told who asks.

Advanced Trade wants a JSON Web Token, signed by ES256 or EdDSA: one for each request, which names
its method and path, or one for each subscription on the WebSocket, which does not. The older
Exchange signs each request by HMAC-SHA256, with a passphrase.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson

from alp.errors import ConfigError
from alp.venues.credentials import Credentials, Kind, require
from alp.venues.signing import (
    JSON,
    AuthenticationError,
    Reason,
    SignedRequest,
    asymmetric,
    from_base64,
    hmac_base64,
    verify_asymmetric,
    verify_key,
    verify_passphrase,
    verify_signature,
)

ALGORITHMS = {Kind.ES256: "ES256", Kind.ED25519: "EdDSA"}
HOST = "api.coinbase.com"
LIFETIME_S = 120
SKEW_S = 30
"""How far the Exchange's clock and the client's may be apart; the token's too."""
EXCHANGE_LOGIN = "/users/self/verify"
_BEARER = "Bearer "


def check(credentials: Credentials) -> None:
    """Refuse credentials that cannot sign for Advanced Trade.

    Raises
    ------
    ConfigError
        If they are of a kind that the venue does not take.
    """
    require(credentials, tuple(ALGORITHMS), "Coinbase")


def make_token(credentials: Credentials, *, now_s: int, nonce: str, uri: str | None = None) -> str:
    """Return a JSON Web Token.

    Parameters
    ----------
    nonce
        Random, never the same twice: ``secrets.token_hex(16)``.
    uri
        ``METHOD host/path``, without a query, for REST; none for the WebSocket.

    Raises
    ------
    ConfigError
        If the credentials are of a kind that the venue does not take.
    """
    check(credentials)
    header = {
        "alg": ALGORITHMS[credentials.kind],
        "kid": credentials.key,
        "nonce": nonce,
        "typ": "JWT",
    }
    claims: dict[str, Any] = {
        "sub": credentials.key,
        "iss": "cdp",
        "nbf": now_s,
        "exp": now_s + LIFETIME_S,
    }
    if uri is not None:
        claims["uri"] = uri
    payload = b".".join(_encoded(orjson.dumps(part)) for part in (header, claims))
    return (payload + b"." + _encoded(asymmetric(credentials, payload))).decode("ascii")


def sign_request(
    credentials: Credentials,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    now_s: int,
    nonce: str,
    host: str = HOST,
) -> SignedRequest:
    """Sign a request of REST; the token covers neither query nor body.

    Parameters
    ----------
    target
        Path and query, percent-encoded: ``/api/v3/brokerage/orders``.
    nonce
        See :func:`make_token`.

    Raises
    ------
    ConfigError
        If the credentials are of a kind that the venue does not take.
    """
    uri = f"{method} {host}{target.partition('?')[0]}"
    token = make_token(credentials, now_s=now_s, nonce=nonce, uri=uri)
    headers = {"Authorization": _BEARER + token}
    if body:
        headers["Content-Type"] = JSON
    return SignedRequest(method, target, headers, body)


def verify_request(
    credentials: Credentials, method: str, path: str, *, authorization: str | None, now_s: int
) -> dict[str, Any]:
    """Return the claims of the token of a request of REST.

    Parameters
    ----------
    path
        Without the query.
    authorization
        The header.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    if not authorization or not authorization.startswith(_BEARER):
        raise AuthenticationError(Reason.MISSING, "no bearer token")
    claims = verify_token(credentials, authorization.removeprefix(_BEARER), now_s=now_s)
    uris = claims.get("uris", [claims.get("uri")])  # a list in tokens of Ed25519
    if not isinstance(uris, list) or not uris or not all(isinstance(each, str) for each in uris):
        raise AuthenticationError(Reason.MISSING, "the token names no request")
    # The host is what the client believes it asks, and some write the scheme before it.
    named = [re.sub(r"^([A-Z]+) (https?://)?[^/]*", r"\1 ", each) for each in uris]
    if f"{method} {path}" not in named:
        raise AuthenticationError(Reason.SIGNATURE, "the token is of another request")
    return claims


def verify_token(credentials: Credentials, token: str, *, now_s: int) -> dict[str, Any]:
    """Return the claims of a token; what its issuer calls itself is not looked at.

    Raises
    ------
    AuthenticationError
        If it is not this account's, or not valid now.
    ConfigError
        If the account is of a kind that has no tokens.
    """
    check(credentials)
    header, claims = read_token(token)
    if header.get("alg") != ALGORITHMS[credentials.kind]:
        raise AuthenticationError(Reason.SIGNATURE, "the token is signed in another way")
    payload, _, signature = token.rpartition(".")
    raw = from_base64(signature, url_safe=True)
    verify_asymmetric(credentials, payload.encode("ascii"), raw)
    for name in (header.get("kid"), claims.get("sub")):
        verify_key(credentials, name if isinstance(name, str) else None)
    if not isinstance(header.get("nonce"), str) or not header["nonce"]:
        raise AuthenticationError(Reason.MISSING, "the token has no nonce")
    begin, end = claims.get("nbf"), claims.get("exp")
    if type(begin) is not int or type(end) is not int:
        raise AuthenticationError(Reason.MISSING, "the token does not say when it is valid")
    if not begin <= now_s + SKEW_S or not now_s - SKEW_S < end <= begin + LIFETIME_S:
        raise AuthenticationError(Reason.CLOCK, "the token is not valid now")
    return claims


def read_token(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token, unproven.

    Raises
    ------
    AuthenticationError
        If it is none.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise AuthenticationError(Reason.MALFORMED, "not a token of three parts")
    try:
        header, claims = (orjson.loads(from_base64(part, url_safe=True)) for part in parts[:2])
    except orjson.JSONDecodeError as error:
        raise AuthenticationError(Reason.MALFORMED, "the token is not JSON") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise AuthenticationError(Reason.MALFORMED, "the token is not of objects")
    return header, claims


def check_exchange(credentials: Credentials) -> None:
    """Refuse credentials that cannot sign for the older Exchange.

    Raises
    ------
    ConfigError
        If they are of another kind, lack the passphrase, or the secret is not base64.
    """
    require(credentials, (Kind.HMAC,), "Coinbase Exchange")
    if credentials.passphrase is None:
        raise ConfigError("Coinbase Exchange wants a passphrase")
    hmac_base64(credentials, b"", "sha256")


def sign_exchange_payload(
    credentials: Credentials, timestamp_s: str, method: str, target: str, body: bytes = b""
) -> str:
    """Return the signature of a request of the Exchange."""
    payload = f"{timestamp_s}{method}{target}".encode() + body
    return hmac_base64(credentials, payload, "sha256")


def sign_exchange(
    credentials: Credentials, method: str, target: str, body: bytes = b"", *, timestamp_s: str
) -> SignedRequest:
    """Sign a request of the Exchange.

    Parameters
    ----------
    target
        Path and query, percent-encoded.
    timestamp_s
        Seconds, with decimals or without.

    Raises
    ------
    ConfigError
        See :func:`check_exchange`.
    """
    check_exchange(credentials)
    assert credentials.passphrase is not None
    headers = {
        "CB-ACCESS-KEY": credentials.key,
        "CB-ACCESS-SIGN": sign_exchange_payload(credentials, timestamp_s, method, target, body),
        "CB-ACCESS-TIMESTAMP": timestamp_s,
        "CB-ACCESS-PASSPHRASE": credentials.passphrase.reveal(),
        "Content-Type": JSON,
    }
    return SignedRequest(method, target, headers, body)


def sign_exchange_login(credentials: Credentials, *, timestamp_s: str) -> dict[str, str]:
    """Return what a subscription on the Exchange's WebSocket carries to name its account.

    Raises
    ------
    ConfigError
        See :func:`check_exchange`.
    """
    headers = sign_exchange(credentials, "GET", EXCHANGE_LOGIN, timestamp_s=timestamp_s).headers
    names = ("key", "sign", "timestamp", "passphrase")
    values = {name: headers[f"CB-ACCESS-{name.upper()}"] for name in names}
    return {("signature" if name == "sign" else name): text for name, text in values.items()}


def verify_exchange(
    credentials: Credentials,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    key: str | None,
    signature: str | None,
    timestamp_s: str | None,
    passphrase: str | None,
    now_s: float,
) -> None:
    """Check a request of the Exchange; a subscription is a GET of :data:`EXCHANGE_LOGIN`.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    verify_key(credentials, key)
    verify_passphrase(credentials, passphrase)
    if not timestamp_s:
        raise AuthenticationError(Reason.MISSING, "no timestamp")
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", timestamp_s) is None:
        raise AuthenticationError(Reason.MALFORMED, "the timestamp is no number")
    expected = sign_exchange_payload(credentials, timestamp_s, method, target, body)
    verify_signature(expected, signature)
    if abs(float(timestamp_s) - now_s) > SKEW_S:
        raise AuthenticationError(Reason.CLOCK, "the timestamp is too far from now")


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
