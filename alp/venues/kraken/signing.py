"""How Kraken is told who asks: spot by API-Sign, futures by Authent and a signed challenge.

All are HMAC-SHA512 with a secret that is base64. The body, or query, is signed as it is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from alp.venues.credentials import Credentials, Kind, require
from alp.venues.signing import (
    FORM,
    JSON,
    AuthenticationError,
    Params,
    Reason,
    SignedRequest,
    hmac_base64,
    pairs_of,
    percent_decoded,
    percent_encoded,
    verify_key,
    verify_nonce,
    verify_signature,
)

FUTURES_PREFIX = "/derivatives"
"""Of a path of futures, and not signed."""


def check(credentials: Credentials) -> None:
    """Refuse credentials that cannot sign here, spot or futures.

    Raises
    ------
    ConfigError
        If they are of another kind, or the secret is not base64.
    """
    require(credentials, (Kind.HMAC,), "Kraken")
    hmac_base64(credentials, b"", "sha512")


def sign_payload(credentials: Credentials, path: str, nonce: str, body: bytes) -> str:
    """Return the API-Sign of a body, which holds the nonce."""
    inner = hashlib.sha256(nonce.encode() + body).digest()
    return hmac_base64(credentials, path.encode() + inner, "sha512")


def sign_request(
    credentials: Credentials, path: str, params: Params = (), *, nonce: int
) -> SignedRequest:
    """Sign a request of spot REST, as a form.

    Parameters
    ----------
    path
        ``/0/private/AddOrder``.
    nonce
        Above all before, of this key.

    Raises
    ------
    ConfigError
        If the secret is not base64.
    ValueError
        If a parameter is given twice or is the nonce.
    """
    pairs = [("nonce", str(nonce)), *pairs_of(params, ("nonce",))]
    return _post(credentials, path, percent_encoded(pairs).encode("ascii"), FORM, nonce)


def sign_json_request(
    credentials: Credentials, path: str, params: Mapping[str, Any], *, nonce: int
) -> SignedRequest:
    """Sign a request of spot REST whose parameters are nested, as JSON; amounts as text.

    Raises
    ------
    ConfigError
        If the secret is not base64.
    ValueError
        If a parameter is the nonce.
    """
    if "nonce" in params:
        raise ValueError("nonce: added by signing")
    body = orjson.dumps({"nonce": str(nonce), **params})
    return _post(credentials, path, body, JSON, nonce)


def verify_request(
    credentials: Credentials,
    path: str,
    body: bytes,
    *,
    key: str | None,
    signature: str | None,
    is_json: bool = False,
    after: int = 0,
) -> int:
    """Return the nonce of a request of spot REST.

    Parameters
    ----------
    key, signature
        The headers API-Key and API-Sign.
    after
        The last nonce of this key.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    verify_key(credentials, key)
    nonce = nonce_of(body, is_json=is_json)
    verify_signature(sign_payload(credentials, path, nonce, body), signature)
    return verify_nonce(nonce, after)


def nonce_of(body: bytes, *, is_json: bool = False) -> str:
    """Return the nonce that a form, or a JSON body, of spot REST holds.

    Raises
    ------
    AuthenticationError
        If there is none.
    """
    try:
        if is_json:
            parsed = orjson.loads(body)
            found = parsed.get("nonce") if isinstance(parsed, dict) else None
        else:
            found = percent_decoded(body.decode("ascii")).get("nonce")
    except ValueError as error:
        raise AuthenticationError(Reason.MALFORMED, "the body cannot be read") from error
    if not isinstance(found, str | int) or found == "":
        raise AuthenticationError(Reason.MISSING, "no nonce")
    return str(found)


def sign_futures_payload(credentials: Credentials, path: str, data: bytes, nonce: str = "") -> str:
    """Return the Authent of a request of futures REST.

    Parameters
    ----------
    data
        The query or the body, whichever there is.
    """
    endpoint = path.removeprefix(FUTURES_PREFIX)
    inner = hashlib.sha256(data + nonce.encode() + endpoint.encode()).digest()
    return hmac_base64(credentials, inner, "sha512")


def sign_futures_request(
    credentials: Credentials,
    method: str,
    path: str,
    params: Params = (),
    *,
    nonce: int | None = None,
) -> SignedRequest:
    """Sign a request of futures REST: in the body of a POST or PUT, in the query otherwise.

    Parameters
    ----------
    path
        ``/derivatives/api/v3/sendorder``.
    nonce
        Above all before, of this key; the venue does without.

    Raises
    ------
    ConfigError
        If the secret is not base64.
    ValueError
        If a parameter is given twice.
    """
    data = percent_encoded(pairs_of(params)).encode("ascii")
    headers = {"APIKey": credentials.key}
    if nonce is not None:
        headers["Nonce"] = str(nonce)
    headers["Authent"] = sign_futures_payload(credentials, path, data, headers.get("Nonce", ""))
    if method in ("POST", "PUT"):
        return SignedRequest(method, path, {**headers, "Content-Type": FORM}, data)
    target = f"{path}?{data.decode('ascii')}" if data else path
    return SignedRequest(method, target, headers)


def verify_futures_request(
    credentials: Credentials,
    path: str,
    query: str,
    body: bytes,
    *,
    key: str | None,
    authent: str | None,
    nonce: str | None = None,
    after: int = 0,
) -> int | None:
    """Return the nonce of a request of futures REST, if it has one.

    Parameters
    ----------
    query
        As it was sent, without the question mark; nothing decoded.
    key, authent, nonce
        The headers APIKey, Authent and Nonce.
    after
        The last nonce of this key.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    verify_key(credentials, key)
    data = query.encode("utf-8", "surrogatepass") + body
    verify_signature(sign_futures_payload(credentials, path, data, nonce or ""), authent)
    return None if nonce is None else verify_nonce(nonce, after)


def sign_challenge(credentials: Credentials, challenge: str) -> dict[str, str]:
    """Return what a private subscription on the futures' WebSocket carries.

    Raises
    ------
    ConfigError
        If the secret is not base64.
    """
    signed = hmac_base64(credentials, hashlib.sha256(challenge.encode()).digest(), "sha512")
    return {
        "api_key": credentials.key,
        "original_challenge": challenge,
        "signed_challenge": signed,
    }


def verify_challenge(
    credentials: Credentials, challenge: str, subscription: Mapping[str, Any]
) -> None:
    """Check a private subscription on the futures' WebSocket.

    Parameters
    ----------
    challenge
        As this connection was given it.

    Raises
    ------
    AuthenticationError
        If the venue would refuse it.
    """
    expected = sign_challenge(credentials, challenge)
    given = {name: subscription.get(name) for name in expected}
    texts = {name: text if isinstance(text, str) else None for name, text in given.items()}
    verify_key(credentials, texts["api_key"])
    verify_signature(expected["original_challenge"], texts["original_challenge"])
    verify_signature(expected["signed_challenge"], texts["signed_challenge"])


def _post(
    credentials: Credentials, path: str, body: bytes, content_type: str, nonce: int
) -> SignedRequest:
    headers = {
        "API-Key": credentials.key,
        "API-Sign": sign_payload(credentials, path, str(nonce), body),
        "Content-Type": content_type,
    }
    return SignedRequest("POST", path, headers, body)
