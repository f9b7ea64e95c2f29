"""Plaintext secrets have no place in a manifest: they are refused, and never repeated.

A field whose name says that it holds a secret is refused wherever it is; a value that looks like
key material is refused within ``credentials`` and ``wallet``, and a PEM block everywhere.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from alp.strategy.problems import Path

_NAMES = (
    "accesskey", "accesstoken", "apikey", "apisecret", "apitoken", "authtoken", "bearertoken",
    "bottoken", "mnemonic", "passphrase", "passwd", "password", "privatekey", "pwd", "secret",
    "secretkey", "seedphrase", "signingkey", "walletkey",
)  # fmt: skip
_HOLDERS = ("credentials", "wallet", "secretref", "rpcsecretref")
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----")
_HEX_KEY = re.compile(r"(0[xX])?[0-9a-fA-F]{64}")
_TOKEN = re.compile(r"[A-Za-z0-9+/=]{20,}")
_URL_KEY = re.compile(r"://[^/\s]*:[^/\s]*@|[?&](api)?_?(key|token)=", re.IGNORECASE)
_MIN_BITS_PER_CHARACTER = 3.5

ADVICE = (
    "holds a secret in plain text; put it into a Secret and name that here: "
    "secretRef: {name: …}. Change the secret, if this file was ever shared"
)


def names_secret(key: str) -> bool:
    """Whether a field of this name, or one that ends so, would hold a secret."""
    return re.sub(r"[^a-z0-9]", "", key.lower()).endswith(_NAMES)


def may_hold_secret(path: Path) -> bool:
    """Whether messages must not quote the value at ``path``."""
    words = [part.lower() for part in path if isinstance(part, str)]
    return any(word in _HOLDERS or names_secret(word) for word in words)


def looks_secret(text: str) -> bool:
    """Whether a value has the shape of key material: hexadecimal key, random token, PEM."""
    if _PEM.search(text) or _HEX_KEY.fullmatch(text.strip()) or _URL_KEY.search(text):
        return True
    return any(_is_random(token) for token in _TOKEN.findall(text))


def _is_random(token: str) -> bool:
    """Whether characters are as varied as in a key; words and names repeat themselves more."""
    kinds = sum(bool(re.search(kind, token)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    counts = Counter(token)
    bits = -sum(n / len(token) * math.log2(n / len(token)) for n in counts.values())
    return kinds >= 2 and bool(re.search("[0-9]", token)) and bits >= _MIN_BITS_PER_CHARACTER


def find_secrets(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every plaintext secret in a document's raw value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            here = (*path, key)
            if names_secret(key) and isinstance(inner, str | int | Decimal) and inner != "":
                yield here
            else:
                yield from find_secrets(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from find_secrets(inner, (*path, index))
    elif isinstance(value, str) and (
        looks_secret(value) if may_hold_secret(path) else _PEM.search(value)
    ):
        yield path
