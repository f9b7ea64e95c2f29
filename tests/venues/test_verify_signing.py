"""Signatures that others made: OpenSSL, the venues in their documents, other clients."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accounts import VECTORS, pem, vectors
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from alp.cli.app import root as command_line
from alp.errors import DataError
from alp.venues.binance import signing as binance
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.kraken import signing as kraken
from alp.venues.signing import AuthenticationError, asymmetric
from alp.venues.verify_signing import verify_file

Record = dict[str, Any]
OWN: list[Record] = vectors()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line, ["verify", "signing", *map(str, arguments)])


def written(folder: Path, *records: object) -> Path:
    path = folder / "vectors.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def named(channel: str) -> Record:
    return next(dict(record) for record in OWN if record["channel"] == channel)


def published(shared: Path) -> list[Record]:
    text = (shared / "venues/fixtures/public/signed_vectors.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def account(record: Record) -> Credentials:
    return credentials_of(record["key"], secret=Secret(record["secret"]))


def test_what_openssl_signed_is_signed_alike() -> None:
    report = verify_file(VECTORS)
    assert report.ok, report.first_difference
    assert report.equal.total() == len(OWN) == 17
    assert len(report.equal) == 13


def test_what_the_venues_and_other_clients_published_is_signed_alike(shared: Path) -> None:
    files = sorted((shared / "venues/fixtures").glob("*/signed_vectors.jsonl"))
    reports = [verify_file(file) for file in files]
    assert [(report.first_difference, report.unknown) for report in reports if not report.ok] == []
    assert sum(report.equal.total() for report in reports) >= 26


def test_requests_of_another_client_are_made_again_byte_for_byte(shared: Path) -> None:
    """Its requests to Kraken are in our order of parameters, and so the same."""
    made = 0
    for record in published(shared):
        if record["venue"] == "kraken" and "url" in record:
            path, nonce = record["url"].removeprefix("https://api.kraken.com"), int(record["nonce"])
            sign = (
                kraken.sign_json_request if record["body"].startswith("{") else kraken.sign_request
            )
            signed = sign(account(record), path, record["params"], nonce=nonce)
            assert (signed.body.decode(), signed.headers) == (record["body"], record["headers"])
            made += 1
        elif record["venue"] == "krakenfutures" and record["method"] == "GET":
            path = "/derivatives/api/v3/openpositions"
            signed = kraken.sign_futures_request(account(record), "GET", path)
            assert signed.headers["Authent"] == record["headers"]["Authent"]
            made += 1
    assert made == 7


def test_recorded_requests_of_binance_are_believed_with_all_their_parameters(shared: Path) -> None:
    seen = 0
    for record in published(shared):
        if record["venue"] == "binance" and "url" in record:
            params = binance.verify_request(
                account(record),
                record["url"].partition("?")[2],
                (record["body"] or "").encode(),
                key=record["headers"]["X-MBX-APIKEY"],
                now_ms=record["timestamp"],
            )
            wanted = {name: str(value) for name, value in record["params"].items()}
            assert wanted.items() <= params.items()
            seen += 1
    assert seen == 8


def test_the_public_key_of_a_token_is_the_one_published(shared: Path) -> None:
    for record in published(shared):
        if "public_key" in record:
            signer = credentials_of(record["key"], private_key=Secret(record["secret"]))
            assert signer.private_key is not None
            public = signer.private_key.public_key().public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
            assert public.decode() == record["public_key"]


def peer_requests(shared: Path) -> list[Record]:
    path = shared / "venues/fixtures/public/peer_client_requests.jsonl"
    return [json.loads(json.loads(line)["raw"]) for line in path.read_text().splitlines()]


def test_what_third_party_clients_sent_to_binance_is_believed(shared: Path) -> None:
    """Captured from real clients, whose key was the probe's own."""
    probe = credentials_of("probe-key", secret=Secret("probe-secret"))
    believed = 0
    for sent in peer_requests(shared):
        query, body = sent.get("raw_query", ""), sent.get("body", "")
        if "signature=" in query + body:
            now_ms = int((query + body).partition("timestamp=")[2][:13])
            binance.verify_request(probe, query, body.encode(), key=sent["key"], now_ms=now_ms)
            believed += 1
    assert believed == 2


def test_tokens_that_say_what_third_party_clients_say_are_believed(shared: Path) -> None:
    """The keys of the captured tokens were not kept: their words are signed with one of ours."""
    believed = 0
    for sent in peer_requests(shared):
        frame = json.loads(sent.get("frame", "{}"))
        captured = sent.get("jwt") or frame.get("jwt")
        if not captured:
            continue
        header, claims = coinbase.read_token(captured)
        signer = credentials_of(header["kid"], private_key=Secret(pem("es256")))
        payload = captured.rpartition(".")[0]
        signature = base64.urlsafe_b64encode(asymmetric(signer, payload.encode()))
        token = f"{payload}.{signature.decode().rstrip('=')}"
        if frame:
            coinbase.verify_token(signer, token, now_s=claims["nbf"])
        else:
            coinbase.verify_request(
                signer,
                sent["method"],
                sent["path"],
                authorization=f"Bearer {token}",
                now_s=claims["nbf"],
            )
        believed += 1
    assert believed == 5


def test_the_command_prints_what_was_tried_and_equal() -> None:
    result = run(VECTORS)
    assert result.exit_code == 0, result.output
    assert "17 tried, 17 equal: all" in result.stdout
    assert "JWT EdDSA" in result.stdout
    data = json.loads(run("--json", VECTORS).stdout)
    assert data[0]["ok"] is True
    assert data[0]["kinds"]["JWT ES256"] == {"tried": 2, "equal": 2}


def flipped(text: str) -> str:
    """The same text with one character in its middle another."""
    middle = len(text) // 2
    return text[:middle] + ("a" if text[middle] != "a" else "b") + text[middle + 1 :]


def with_another_signature(record: Record) -> Record:
    changed = json.loads(json.dumps(record))
    for name in ("signature", "jwt"):
        if name in changed:
            changed[name] = flipped(changed[name])
            return changed
    for name in ("API-Sign", "Authent", "CB-ACCESS-SIGN"):
        if name in changed["headers"]:
            changed["headers"][name] = flipped(changed["headers"][name])
            return changed
    before, mark, signature = changed["url"].rpartition("signature=")
    changed["url"] = before + mark + flipped(signature)
    return changed


@pytest.mark.parametrize("record", OWN, ids=lambda record: record["channel"])
def test_another_signature_is_a_difference_that_is_told_without_the_secret(
    tmp_path: Path, record: Record
) -> None:
    result = run(written(tmp_path, with_another_signature(record), record))
    assert result.exit_code == 1, result.output
    assert "2 tried, 1 equal" in result.stdout
    assert "first difference: line 1" in result.stdout
    secret = record["secret"].splitlines()
    assert not any(len(line) > 8 and line in result.output for line in secret)


def test_an_unknown_way_to_sign_is_a_fault(tmp_path: Path) -> None:
    record = named("session.logon")
    strange = [{**record, "algo": "ML-DSA-65 base64"}, {"venue": "okx", "secret": "s", "url": "u"}]
    result = run(written(tmp_path, record, *strange))
    assert result.exit_code == 1
    assert "1 of a kind alp does not know" in result.stdout
    assert "ML-DSA-65 base64" in result.stdout
    assert "neither algo nor known headers, okx" in result.stdout


def test_a_file_with_nothing_to_verify_is_a_fault(tmp_path: Path) -> None:
    result = run(written(tmp_path))
    assert result.exit_code == 1
    assert "nothing to verify" in result.stdout


MALFORMED: list[tuple[Callable[[Record], object], str]] = [
    (lambda _: [], "not a record with the secret"),
    (lambda r: {**r, "secret": 5}, "not a record with the secret"),
    (lambda r: {**r, "payload": 5}, "payload is not a text"),
    (lambda r: {**r, "headers": "a"}, "headers is not an object"),
    (lambda r: {name: r[name] for name in r if name != "payload"}, "no payload"),
    (lambda r: {name: r[name] for name in r if name != "signature"}, "no signature"),
]


@pytest.mark.parametrize(("change", "message"), MALFORMED)
def test_a_malformed_line_is_named(
    tmp_path: Path, change: Callable[[Record], object], message: str
) -> None:
    record = named("session.logon")
    path = written(tmp_path, record, change(record))
    with pytest.raises(DataError, match=rf"vectors\.jsonl:2: {message}"):
        verify_file(path)
    result = run(path)
    assert result.exit_code == 4
    assert record["secret"].splitlines()[1] not in result.output


def test_what_is_not_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    assert run(path).exit_code == 4


def test_a_secret_that_cannot_sign_is_a_difference(tmp_path: Path) -> None:
    record = {**named("AddOrder"), "secret": "not-base64-but-hidden"}
    result = run(written(tmp_path, record))
    assert result.exit_code == 1
    assert "not-base64" not in result.output


def test_a_token_with_other_claims_than_recorded_is_a_difference(tmp_path: Path) -> None:
    record = named("token for REST")
    record["claims"] = {**record["claims"], "exp": 1767225721}
    result = run(written(tmp_path, record))
    assert result.exit_code == 1
    assert "(JWT ES256, claims)" in result.stdout


def test_a_token_signed_by_nobody_is_not_believed() -> None:
    record = named("token for REST")
    signer = credentials_of(record["key"], private_key=Secret(record["secret"]))
    header, claims = coinbase.read_token(record["jwt"])
    for alg in ("none", "HS256", "EdDSA"):
        parts = [json.dumps(part).encode() for part in ({**header, "alg": alg}, claims)]
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        with pytest.raises(AuthenticationError):
            coinbase.verify_token(signer, f"{token}.", now_s=claims["nbf"])
