"""Accounts of the tests: keys made for them or published, never in use."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alp.venues.credentials import Credentials, Secret, credentials_of

KEY = "alp-test"
PLAIN = "plain-secret-0123456789"
BASE64 = base64.b64encode(hashlib.sha512(b"a test").digest()).decode()
PHRASE = "a test phrase"
VECTORS = Path(__file__).resolve().parents[1] / "data/signed-vectors.jsonl"

HMAC = credentials_of(KEY, secret=Secret(PLAIN))
KRAKEN = credentials_of(KEY, secret=Secret(BASE64))
EXCHANGE = credentials_of(KEY, secret=Secret(BASE64), passphrase=Secret(PHRASE))


@cache
def pem(kind: str) -> str:
    """A new private key of this run, in PKCS#8."""
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif kind == "es256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def asymmetric(kind: str) -> Credentials:
    return credentials_of(KEY, private_key=Secret(pem(kind)))


def vectors() -> list[dict[str, object]]:
    return [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]
