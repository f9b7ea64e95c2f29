"""What all venues' signatures are made of; how each is put together is beside its exchange.

The functions that sign are pure: clocks and nonces are arguments. Those that verify are a venue's
side, for the simulator; they compare in constant time and raise :class:`AuthenticationError`.
"""

from __future__ import annotations

import base64
import hmac
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Never
from urllib.parse import quote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from alp.errors import ConfigError
from alp.venues.credentials import Credentials, Secret

Value = str | int | bool
Params = Mapping[str, Value] | Iterable[tuple[str, Value]]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
COORDINATE_BYTES = 32
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*").fullmatch


@dataclass(frozen=True, slots=True, repr=False)
class SignedRequest:
    """A request to be sent byte for byte; it authenticates whoever holds it, so it is not shown.

    Attributes
    ----------
    target
        Path and query, percent-encoded. An HTTP client must not quote it again: give aiohttp
        ``yarl.URL(base + target, encoded=True)``.
    headers
        The venue's own, and Content-Type where there is a body.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"SignedRequest({self.method} {self.target.partition('?')[0]})"

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a signed request is neither copied nor pickled")


class Reason(Enum):
    """Why a venue does not believe a request."""

    MISSING = auto()
    """A part that authenticates is not there."""
    MALFORMED = auto()
    """A part cannot be read."""
    KEY = auto()
    """The key, or the passphrase, is another one."""
    SIGNATURE = auto()
    """The signature is not of this request by this key."""
    CLOCK = auto()
    """It is too old, or from the future."""
    NONCE = auto()
    """The nonce is not above the last one."""


class AuthenticationError(Exception):
    """A request that a venue would refuse; an outcome, not a failure of alp."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Nonces:
    """Numbers that only grow, near a clock, also where that stands still or goes back.

    Parameters
    ----------
    clock_ns
        Time since the epoch.
    unit_ns
        What the venue counts in: a nonce is the clock divided by this.
    last
        The last one used before a restart, if known.
    """

    def __init__(self, clock_ns: Callable[[], int], *, unit_ns: int = 1000, last: int = 0) -> None:
        self._clock_ns = clock_ns
        self._unit_ns = unit_ns
        self._last = last
        self._lock = threading.Lock()

    def next(self) -> int:
        """Return a number above all before."""
        with self._lock:
            self._last = max(self._last + 1, self._clock_ns() // self._unit_ns)
            return self._last


def text_of(value: Value) -> str:
    """Return a parameter as it is signed and sent.

    Raises
    ------
    TypeError
        If it is a number that has more than one spelling.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has more than one spelling; give its text")


def pairs_of(params: Params, reserved: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return names and texts of parameters.

    Raises
    ------
    ValueError
        If one is given twice, or has a name that signing itself adds.
    """
    items = params.items() if isinstance(params, Mapping) else params
    pairs = [(name, text_of(value)) for name, value in items]
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise ValueError("a parameter is given twice")
    if taken := names.intersection(reserved):
        raise ValueError(f"{', '.join(sorted(taken))}: added by signing")
    return pairs


def percent_encoded(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a query; all but letters, digits and ``-._~`` is escaped, a blank as ``%20``."""
    return "&".join([f"{_escaped(name)}={_escaped(text)}" for name, text in pairs])


def percent_decoded(query: str) -> dict[str, str]:
    """Return the parameters of a query or form.

    Raises
    ------
    AuthenticationError
        If one is there twice, or is not UTF-8.
    """
    found: dict[str, str] = {}
    for piece in query.split("&") if query else ():
        name, _, text = piece.partition("=")
        try:
            name, text = unquote_plus(name, errors="strict"), unquote_plus(text, errors="strict")
        except UnicodeDecodeError as error:
            raise AuthenticationError(Reason.MALFORMED, "not UTF-8") from error
        if name in found:
            raise AuthenticationError(Reason.MALFORMED, f"{name} is given twice")
        found[name] = text
    return found


def hmac_bytes(credentials: Credentials, payload: bytes, digest: str) -> bytes:
    """Sign with the text of the secret."""
    return hmac.digest(_secret(credentials).reveal().encode(), payload, digest)


def hmac_base64(credentials: Credentials, payload: bytes, digest: str) -> str:
    """Sign with the bytes that the secret is the base64 of; in base64.

    Raises
    ------
    ConfigError
        If the secret is not base64.
    """
    try:
        key = base64.b64decode(_secret(credentials).reveal(), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ConfigError("the secret is not base64, as this venue's secrets are")
    return base64.b64encode(hmac.digest(key, payload, digest)).decode()


def asymmetric(credentials: Credentials, payload: bytes) -> bytes:
    """Sign with the private key: Ed25519, RSA (PKCS#1 v1.5, SHA-256), ES256 (r and s, 64 bytes)."""
    key = credentials.private_key
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(payload)
    if isinstance(key, EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(payload, ECDSA(SHA256())))
        return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")
    if key is None:
        raise ConfigError("these credentials have no private key")
    return key.sign(payload, PKCS1v15(), SHA256())


def verify_asymmetric(credentials: Credentials, payload: bytes, signature: bytes) -> None:
    """Compare a signature made by :func:`asymmetric`.

    Raises
    ------
    AuthenticationError
        If it is not this key's for this payload.
    """
    key = credentials.private_key
    assert key is not None
    try:
        if isinstance(key, Ed25519PrivateKey):
            key.public_key().verify(signature, payload)
        elif isinstance(key, EllipticCurvePrivateKey):
            if len(signature) != 2 * COORDINATE_BYTES:
                raise InvalidSignature
            r = int.from_bytes(signature[:COORDINATE_BYTES], "big")
            s = int.from_bytes(signature[COORDINATE_BYTES:], "big")
            key.public_key().verify(encode_dss_signature(r, s), payload, ECDSA(SHA256()))
        else:
            key.public_key().verify(signature, payload, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise AuthenticationError(Reason.SIGNATURE, "the signature is wrong") from error


def from_base64(text: str, *, url_safe: bool = False) -> bytes:
    """Read base64 in its one canonical spelling; the URL-safe kind is without padding.

    Raises
    ------
    AuthenticationError
        If it is not that.
    """
    try:
        raw = text.encode("ascii")
        if url_safe:
            value = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
            again = base64.urlsafe_b64encode(value).rstrip(b"=")
        else:
            value = base64.b64decode(raw, validate=True)
            again = base64.b64encode(value)
    except ValueError as error:
        raise AuthenticationError(Reason.MALFORMED, "not base64") from error
    if again != raw:
        raise AuthenticationError(Reason.MALFORMED, "not base64")
    return value


def verify_key(credentials: Credentials, key: str | None) -> None:
    """Compare the name of an account.

    Raises
    ------
    AuthenticationError
        If there is none, or it is another.
    """
    if not key:
        raise AuthenticationError(Reason.MISSING, "no key")
    _verify_text(credentials.key, key, Reason.KEY, "the key is another")


def verify_signature(expected: str, given: str | None) -> None:
    """Compare texts of signatures in constant time.

    Raises
    ------
    AuthenticationError
        If there is none, or it is another.
    """
    if not given:
        raise AuthenticationError(Reason.MISSING, "no signature")
    _verify_text(expected, given, Reason.SIGNATURE, "the signature is wrong")


def verify_passphrase(credentials: Credentials, given: str | None) -> None:
    """Compare the passphrase in constant time.

    Raises
    ------
    AuthenticationError
        If there is none, or it is another.
    """
    expected = credentials.passphrase
    if expected is None or not given:
        raise AuthenticationError(Reason.MISSING, "no passphrase")
    if expected != Secret(given):
        raise AuthenticationError(Reason.KEY, "the passphrase is another")


def verify_nonce(text: str | None, after: int) -> int:
    """Return a nonce that is above the last one.

    Raises
    ------
    AuthenticationError
        If there is none, it is no unsigned number of 64 bits, or not above ``after``.
    """
    if not text:
        raise AuthenticationError(Reason.MISSING, "no nonce")
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 2**64):
        raise AuthenticationError(Reason.MALFORMED, "the nonce is no number of 64 bits")
    if int(text) <= after:
        raise AuthenticationError(Reason.NONCE, "the nonce is not above the last one")
    return int(text)


def _escaped(text: str) -> str:
    # Most need nothing escaped, and looking is cheaper than quoting.
    return text if _UNRESERVED(text) else quote(text, safe="")


def _verify_text(expected: str, given: str, reason: Reason, message: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        raise AuthenticationError(reason, message)


def _secret(credentials: Credentials) -> Secret:
    if credentials.secret is None:
        raise ConfigError("these credentials have no secret")
    return credentials.secret
