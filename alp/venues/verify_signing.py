"""Proof of the signing: recorded and published signatures, made again and compared.

A file is JSON lines. Each line says how it is signed: by ``algo``, with the parts that this signs
(``payload``; ``path``, ``nonce`` and ``body``; the claims of a token), or by the headers of a
request, with its ``url`` and ``body`` as they were sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from alp import proof
from alp.errors import ConfigError, DataError
from alp.venues.binance import signing as binance
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Credentials, Kind, Secret, credentials_of
from alp.venues.kraken import signing as kraken
from alp.venues.signing import AuthenticationError

Record = dict[str, Any]
Compared = tuple[Any, Any]
"""What the record says, and what alp makes."""

_TEXTS = ("algo", "url", "method", "body", "payload", "path", "nonce", "signature", "jwt", "key")


@dataclass(frozen=True)
class Difference:
    """One line whose signature alp does not make. Signatures are shown, keys never."""

    line: int
    kind: str
    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        return (
            f"line {self.line} ({self.kind}, {self.what}): expected {self.expected}, got {self.got}"
        )

    def as_dict(self) -> Record:
        """Return it as plain data."""
        return dict(vars(self))


class Report(proof.Report[Difference]):
    """What came of one file: how many of each way to sign were tried, and how many were equal."""


def verify_file(path: str | Path) -> Report:
    """Make every signature of a file again and compare.

    Raises
    ------
    DataError
        A line is not a record of this form, or the file cannot be read to its end.
    """
    path = Path(path)
    report = Report(path)
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                _try(_record(path, number, line), path, number, report)
    return report


def _record(path: Path, number: int, line: bytes) -> Record:
    problem = ""
    try:
        record = json.loads(line)
    except ValueError:
        problem = "not JSON"
    else:
        if not isinstance(record, dict) or not isinstance(record.get("secret"), str):
            problem = "not a record with the secret that signed it"
        elif wrong := [name for name in _TEXTS if not isinstance(record.get(name), str | None)]:
            problem = f"{wrong[0]} is not a text"
        elif not isinstance(record.get("headers"), dict | None):
            problem = "headers is not an object"
        else:
            record["secret"] = Secret(record["secret"])
            return record
    raise DataError(
        problem,
        path=path,
        row=number,
        hint="each line is one JSON object with secret, and algo or headers, and a signature",
    )


def _try(record: Record, path: Path, number: int, report: Report) -> None:
    kind, method = _method(record)
    if method is None:
        report.unknown[kind] += 1
        return
    report.tried[kind] += 1
    try:
        differing = [(what, pair) for what, pair in method(record).items() if pair[0] != pair[1]]
    except KeyError as error:
        raise DataError(f"no {error.args[0]}", path=path, row=number) from error
    except (ConfigError, AuthenticationError, ValueError, TypeError) as error:
        differing = [(_named(record), ("a signature", f"{type(error).__name__}: {error}"))]
    if not differing:
        report.equal[kind] += 1
    elif report.first_difference is None:
        what, (expected, got) = differing[0]
        report.first_difference = Difference(number, kind, what, str(expected), str(got))


def _method(record: Record) -> tuple[str, Callable[[Record], dict[str, Compared]] | None]:
    """Find how a record is signed; the name of an unknown way comes without its function."""
    algo = record.get("algo")
    if algo:
        folded = re.sub(r"[^a-z0-9]", "", algo.lower())
        return algo, next((made for form, made in _ALGORITHMS if re.search(form, folded)), None)
    headers = {name.lower() for name in record.get("headers") or {}}
    for name, (kind, made) in _HEADERS.items():
        if name.lower() in headers:
            return kind, made
    if record.get("venue") == "binance" and record.get("url"):
        return "Binance REST", _binance_request
    return f"neither algo nor known headers, {record.get('venue')}", None


def _credentials(record: Record) -> Credentials:
    secret: Secret = record["secret"]
    is_pem = "-----BEGIN" in secret.reveal() or "JWT" in (record.get("algo") or "")
    phrase = record.get("passphrase")
    return credentials_of(
        record.get("key") or "no-key",
        secret=None if is_pem else secret,
        private_key=secret if is_pem else None,
        passphrase=Secret(phrase) if phrase else None,
    )


def _named(record: Record) -> str:
    return str(record.get("channel") or record.get("venue") or "record")


def _signature(record: Record, got: str) -> dict[str, Compared]:
    return {_named(record): (record["signature"], got)}


def _payload(record: Record) -> dict[str, Compared]:
    return _of_binance(record, record["payload"], record["signature"])


def _of_binance(record: Record, payload: str, signature: str) -> dict[str, Compared]:
    credentials, raw = _credentials(record), payload.encode()
    expected = signature.lower() if credentials.kind is Kind.HMAC else signature
    got = binance.sign_payload(credentials, raw)
    if got == expected:
        binance.verify_payload(credentials, raw, signature)
    return {_named(record): (expected, got)}


def _sorted_call(record: Record) -> dict[str, Compared]:
    """Make the payload of a call again, from its parameters in any order."""
    params: dict[str, Any] = dict(
        reversed([piece.partition("=")[::2] for piece in record["payload"].split("&")])
    )
    payload = binance.call_payload(params)
    got = binance.sign_payload(_credentials(record), payload)
    return {"payload": (record["payload"], payload.decode()), **_signature(record, got)}


def _api_sign(record: Record) -> dict[str, Compared]:
    body, path, nonce = record["body"].encode(), record["path"], record["nonce"]
    return _signature(record, kraken.sign_payload(_credentials(record), path, nonce, body))


def _challenge(record: Record) -> dict[str, Compared]:
    signed = kraken.sign_challenge(_credentials(record), record["payload"])
    return _signature(record, signed["signed_challenge"])


def _authent(record: Record) -> dict[str, Compared]:
    data = (record.get("body") or record.get("payload") or "").encode()
    nonce = record.get("nonce") or ""
    got = kraken.sign_futures_payload(_credentials(record), record["path"], data, nonce)
    return _signature(record, got)


def _exchange(record: Record) -> dict[str, Compared]:
    body, stamp = (record.get("body") or "").encode(), str(record["timestamp"])
    target = record["path"]
    credentials = _credentials(record)
    got = coinbase.sign_exchange_payload(credentials, stamp, record["method"], target, body)
    return _signature(record, got)


def _token(record: Record) -> dict[str, Compared]:
    """Prove a token, and make one with the same claims, which has to prove itself too."""
    credentials, token = _credentials(record), record["jwt"]
    header, claims = coinbase.read_token(token)
    now_s = int(record.get("timestamp") or claims["nbf"])
    coinbase.verify_token(credentials, token, now_s=now_s)
    ours = coinbase.make_token(
        credentials, now_s=claims["nbf"], nonce=header["nonce"], uri=record.get("uri")
    )
    proven = coinbase.verify_token(credentials, ours, now_s=now_s)
    recorded = record.get("claims", claims)
    compared = {
        "header": (header, coinbase.read_token(ours)[0]),
        "claims": (recorded, proven),
        "claims of the token": (recorded, claims),
    }
    return {
        what: tuple(json.dumps(side, sort_keys=True) for side in pair)  # type: ignore[misc]
        for what, pair in compared.items()
    }


def _binance_request(record: Record) -> dict[str, Compared]:
    sent = urlsplit(record["url"]).query + (record.get("body") or "")
    payload, found, signature = sent.rpartition("&signature=")
    if not found:
        raise KeyError("signature at the end of url or body")
    return _of_binance(record, payload, unquote(signature))


def _kraken_request(record: Record) -> dict[str, Compared]:
    path, body = urlsplit(record["url"]).path, (record.get("body") or "").encode()
    nonce = kraken.nonce_of(body, is_json=body.startswith(b"{"))
    got = kraken.sign_payload(_credentials(record), path, nonce, body)
    return {_named(record): (_header(record, "API-Sign"), got)}


def _futures_request(record: Record) -> dict[str, Compared]:
    url, body = urlsplit(record["url"]), (record.get("body") or "").encode()
    nonce = _header(record, "Nonce") or ""
    data = url.query.encode() + body
    got = kraken.sign_futures_payload(_credentials(record), url.path, data, nonce)
    return {_named(record): (_header(record, "Authent"), got)}


def _exchange_request(record: Record) -> dict[str, Compared]:
    credentials, url = _credentials(record), urlsplit(record["url"])
    target = record.get("signed_path") or url.path + (f"?{url.query}" if url.query else "")
    body, stamp = (record.get("body") or "").encode(), _header(record, "CB-ACCESS-TIMESTAMP")
    if stamp is None:
        raise KeyError("CB-ACCESS-TIMESTAMP")
    signed = coinbase.sign_exchange(
        credentials, record["method"], target, body, timestamp_s=stamp
    ).headers
    names = ("CB-ACCESS-KEY", "CB-ACCESS-SIGN")
    return {name: (_header(record, name), signed[name]) for name in names}


def _header(record: Record, name: str) -> str | None:
    headers: Mapping[str, Any] = record.get("headers") or {}
    found = next((text for each, text in headers.items() if each.lower() == name.lower()), None)
    return found if isinstance(found, str) else None


_ALGORITHMS: tuple[tuple[str, Callable[[Record], dict[str, Compared]]], ...] = (
    (r"^hmacsha256hex.*sorted", _sorted_call),
    (r"^hmacsha256hex", _payload),
    (r"^ed25519base64", _payload),
    (r"^rsa(pkcs1v15)?(sha256)?base64", _payload),
    (r"^jwt(es256|eddsa)", _token),
    (r"^b64hmacsha512b64decsecretpathsha256noncebody$", _api_sign),
    (r"^b64hmacsha512b64decsecretsha256challenge$", _challenge),
    (r"^b64hmacsha512b64decsecretsha256(postdata|data|body)nonce(endpoint)?path$", _authent),
    (r"^b64hmacsha256b64decsecret(ts|timestamp)methodpath(withquery)?body$", _exchange),
)
"""What is left of ``algo`` in lower case without signs -> how it is tried, the first that fits."""

_HEADERS = {
    binance.KEY_HEADER: ("Binance REST", _binance_request),
    "API-Sign": ("Kraken spot REST", _kraken_request),
    "Authent": ("Kraken futures REST", _futures_request),
    "CB-ACCESS-SIGN": ("Coinbase Exchange REST", _exchange_request),
}
