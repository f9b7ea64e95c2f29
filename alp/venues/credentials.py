"""Keys of an account: read from the environment or from mounted files, and never shown.

Nothing here prints, logs or pickles a secret. Texts are wrapped the moment they are read, so that
not even a traceback with the values of its variables repeats one; messages name the variable or
the file at fault, not what is in it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from alp.errors import ConfigError

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

FILES = {
    "key": "key",
    "secret": "secret",
    "passphrase": "passphrase",
    "private_key": "private-key.pem",
}
"""What is read -> its file in a mounted folder."""

MOST_BYTES = 64 * 1024
SHORTEST_RSA_BITS = 2048
_SHOWN = 4
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_LINE = re.compile(r"[!-~]+")
_PHRASE = re.compile(r"[ -~]+")


class Kind(StrEnum):
    """How an account's requests are signed."""

    HMAC = "hmac"
    ED25519 = "ed25519"
    RSA = "rsa"
    ES256 = "es256"


class Secret:
    """A text that is not shown: not by ``repr``, ``str``, a log, a pickle or a copy."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; for the argument of what uses it, not for a variable."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, others = (text.encode("utf-8", "surrogatepass") for text in (self._text, other._text))
        return hmac.compare_digest(mine, others)

    __hash__ = None  # type: ignore[assignment]  # a hash in a set is a trace of it

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a secret is neither copied nor pickled")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Credentials:
    """What signs for one account.

    Attributes
    ----------
    key
        The name by which the venue knows the account; not a secret, yet shown only in part.
    kind
        How it signs.
    secret
        Of kind HMAC.
    private_key
        Of the other kinds.
    passphrase
        A third part that some venues want.
    """

    key: str
    kind: Kind
    secret: Secret | None = None
    private_key: PrivateKey | None = None
    passphrase: Secret | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.key[:_SHOWN]}…, {self.kind})"

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("credentials are neither copied nor pickled")


def variable_names(venue: str) -> dict[str, str]:
    """Return what is read -> its environment variable, for a venue's name in the manifest."""
    prefix = "ALP_" + re.sub(r"[^A-Z0-9]", "_", venue.upper())
    return {
        "key": f"{prefix}_KEY",
        "secret": f"{prefix}_SECRET",
        "passphrase": f"{prefix}_PASSPHRASE",
        "private_key": f"{prefix}_PRIVATE_KEY_FILE",
    }


def read_credentials(venue: str, folder: Path | None = None) -> Credentials:
    """Read an account's keys from the environment, or from a folder.

    Parameters
    ----------
    venue
        Its name in the manifest, which names the variables: ``ALP_<NAME>_KEY``, ``…_SECRET``,
        ``…_PASSPHRASE`` and ``…_PRIVATE_KEY_FILE``. An empty variable is as good as none.
    folder
        Where a secret is mounted: files ``key``, ``secret``, ``passphrase``, ``private-key.pem``.

    Raises
    ------
    ConfigError
        If something is missing, given twice, cannot be read, or cannot be what it should be.
    """
    names = variable_names(venue)
    found: dict[str, tuple[Secret, str]] = {}
    for what, name in names.items():
        if os.environ.get(name):
            if what == "private_key":
                path = Path(os.environ[name])
                place = f"{path} ({name})"
                found[what] = (_file(path, place), place)
            else:
                found[what] = (Secret(os.environ[name]), name)
    if folder is not None:
        for what, file in FILES.items():
            path = folder / file
            if not os.path.lexists(path):
                continue
            if what in found:
                raise ConfigError(f"credentials of {venue}: {path} and {found[what][1]} both exist")
            found[what] = (_file(path, str(path)), str(path))
    if "key" not in found:
        raise ConfigError(f"credentials of {venue}: no key", hint=_where(names, folder))
    return make_credentials(venue, **found)


def credentials_of(
    key: str,
    *,
    secret: Secret | None = None,
    passphrase: Secret | None = None,
    private_key: Secret | None = None,
) -> Credentials:
    """Return credentials of texts at hand: a simulator's accounts, published test keys.

    Raises
    ------
    ConfigError
        See :func:`make_credentials`.
    """
    return make_credentials(
        key[:_SHOWN],
        (Secret(key), "key"),
        None if secret is None else (secret, "secret"),
        None if passphrase is None else (passphrase, "passphrase"),
        None if private_key is None else (private_key, "private key"),
    )


def make_credentials(
    venue: str,
    key: tuple[Secret, str],
    secret: tuple[Secret, str] | None = None,
    passphrase: tuple[Secret, str] | None = None,
    private_key: tuple[Secret, str] | None = None,
) -> Credentials:
    """Return credentials from texts as they were found, each with the name of its place.

    Raises
    ------
    ConfigError
        If they cannot be what they should be, or do not make an account together.
    """
    name = _cleaned(*key, _LINE)
    phrase = None if passphrase is None else _cleaned(*passphrase, _PHRASE)
    if (secret is None) == (private_key is None):
        problem = "neither a secret" if secret is None else "both a secret"
        joined = "nor" if secret is None else "and"
        raise ConfigError(
            f"credentials of {venue}: {problem} {joined} a private key",
            hint="one of them signs: a secret for HMAC, a private key for Ed25519, RSA or ES256",
        )
    if secret is not None:
        text = _cleaned(*secret, _LINE)
        if text == name:
            raise ConfigError(f"credentials of {venue}: {key[1]} and {secret[1]} are the same")
        return Credentials(name.reveal(), Kind.HMAC, secret=text, passphrase=phrase)
    assert private_key is not None
    loaded = _private_key(*private_key)
    return Credentials(name.reveal(), _kind(*private_key, loaded), None, loaded, phrase)


def require(credentials: Credentials, kinds: tuple[Kind, ...], venue: str) -> None:
    """Refuse credentials of a kind with which a venue does nothing.

    Raises
    ------
    ConfigError
        If they are of another kind.
    """
    if credentials.kind not in kinds:
        raise ConfigError(
            f"{venue} does not sign by {credentials.kind}",
            hint=f"it wants {' or '.join(kinds)}",
        )


def _file(path: Path, where: str) -> Secret:
    try:
        with path.open("rb") as stream:
            text = Secret(stream.read(MOST_BYTES + 1).decode("utf-8", "replace"))
    except OSError as error:
        raise ConfigError(f"{where}: {error.strerror}") from error
    if len(text.reveal()) > MOST_BYTES:
        raise ConfigError(f"{where}: more than {MOST_BYTES} bytes are no key")
    return text


def _cleaned(raw: Secret, where: str, form: re.Pattern[str]) -> Secret:
    """Drop what copying adds, unseen: blanks and line ends around, zero-width characters."""
    text = Secret(_INVISIBLE.sub("", raw.reveal()).strip())
    if not text:
        raise ConfigError(f"{where}: is empty")
    if form.fullmatch(text.reveal()) is None:
        pem = "-----BEGIN" in text.reveal()
        raise ConfigError(
            f"{where}: holds a blank, a control character or one that is not ASCII",
            hint="a private key in PEM form goes into a file of its own" if pem else None,
        )
    return text


def _private_key(raw: Secret, where: str) -> PrivateKey:
    """Read PEM, on one line with escaped ends too, or Coinbase's 64 bytes in base64."""
    text = Secret(_INVISIBLE.sub("", raw.reveal()).replace("\\n", "\n").strip())
    pair = _raw_ed25519(text)
    if pair is not None:
        return pair
    problem = "is not a private key that alp can use"
    try:
        loaded = load_pem_private_key(text.reveal().encode(), password=None)
    except TypeError:
        problem = "is encrypted"
    except (ValueError, UnsupportedAlgorithm):
        if re.search("-----BEGIN [A-Z ]*(PUBLIC KEY|CERTIFICATE)-----", text.reveal()):
            problem = "is the public half; the private one signs"
        elif "-----BEGIN" not in text.reveal():
            problem = "is not in PEM form"
    else:
        if isinstance(loaded, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
            return loaded
    # Outside of the handler: the failure within, and what it saw, are no part of this one.
    raise ConfigError(
        f"{where}: {problem}",
        hint="wanted: Ed25519, RSA or P-256 in PEM form (PKCS#8, PKCS#1 or SEC1), unencrypted",
    )


def _raw_ed25519(text: Secret) -> Ed25519PrivateKey | None:
    """Return the key of a seed and its public key in base64; None where it is not that."""
    try:
        if len(base64.b64decode(text.reveal(), validate=True)) != 64:
            return None
    except (ValueError, binascii.Error):
        return None
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.reveal())[:32])
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key if public == base64.b64decode(text.reveal())[32:] else None


def _kind(_: Secret, where: str, key: PrivateKey) -> Kind:
    if isinstance(key, Ed25519PrivateKey):
        return Kind.ED25519
    if isinstance(key, RSAPrivateKey):
        if key.key_size < SHORTEST_RSA_BITS:
            raise ConfigError(f"{where}: RSA of {key.key_size} bits is too short")
        return Kind.RSA
    if not isinstance(key.curve, SECP256R1):
        raise ConfigError(f"{where}: curve {key.curve.name} is not P-256")
    return Kind.ES256


def _where(names: dict[str, str], folder: Path | None) -> str:
    hint = f"set {names['key']} and {names['secret']} or {names['private_key']}"
    if folder is None:
        return hint
    there = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return (
        f"{hint}, or put {', '.join(FILES.values())} into {folder} (it has: {there or 'nothing'})"
    )
