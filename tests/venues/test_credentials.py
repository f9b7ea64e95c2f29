"""Keys are read from the environment or a folder, and what is secret of them is never shown."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from accounts import BASE64, EXCHANGE, HMAC, KEY, PHRASE, PLAIN, asymmetric, pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from alp.cli.logs import JsonLines, TextLines
from alp.errors import ConfigError
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import (
    MOST_BYTES,
    Credentials,
    Kind,
    Secret,
    credentials_of,
    read_credentials,
    variable_names,
)
from alp.venues.registry import EXCHANGES, check_credentials

HIDDEN = "Zq7hidden0secret9Xw4value"
Setenv = Callable[[str, str], None]


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> Setenv:
    return monkeypatch.setenv


def mounted(folder: Path, **files: str | bytes) -> Path:
    names = {"private_key": "private-key.pem"}
    for name, text in files.items():
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / names.get(name, name)).write_bytes(raw)
    return folder


def told(error: BaseException) -> str:
    """All that a failure could show: texts, causes, and every variable on the way from the test."""
    assert error.__traceback__ is not None
    way = error.__traceback__.tb_next
    trace = traceback.TracebackException(type(error), error, way, capture_locals=True)
    return "".join([str(error), repr(error), str(getattr(error, "hint", "")), *trace.format()])


def test_the_environment_names_the_venue(setenv: Setenv) -> None:
    setenv("ALP_BINANCE_USDM_2_KEY", KEY)
    setenv("ALP_BINANCE_USDM_2_SECRET", PLAIN)
    setenv("ALP_BINANCE_USDM_2_PASSPHRASE", PHRASE)
    read = read_credentials("binance-usdm-2")
    assert (read.key, read.kind) == (KEY, Kind.HMAC)
    assert read.secret == Secret(PLAIN)
    assert read.passphrase == Secret(PHRASE)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "es256"])
def test_a_private_keys_file_says_how_it_signs(tmp_path: Path, setenv: Setenv, kind: str) -> None:
    setenv("ALP_SPOT_KEY", KEY)
    setenv("ALP_SPOT_PRIVATE_KEY_FILE", str(mounted(tmp_path, any=pem(kind)) / "any"))
    read = read_credentials("spot")
    assert read.kind == kind
    assert read.secret is None


def test_a_mounted_folder_holds_the_same(tmp_path: Path) -> None:
    read = read_credentials("spot", mounted(tmp_path, key=KEY, secret=PLAIN, passphrase=PHRASE))
    assert read.secret == Secret(PLAIN)
    assert read.passphrase == Secret(PHRASE)


def test_a_folder_as_kubernetes_mounts_it_is_read_through_its_links(tmp_path: Path) -> None:
    data = tmp_path / "..2026_01_01"
    data.mkdir()
    mounted(data, key=KEY, secret=PLAIN)
    (tmp_path / "..data").symlink_to(data.name)
    for name in ("key", "secret"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert read_credentials("spot", tmp_path).secret == Secret(PLAIN)


def test_the_key_may_come_from_one_and_the_rest_from_the_other(
    tmp_path: Path, setenv: Setenv
) -> None:
    setenv("ALP_SPOT_KEY", KEY)
    assert read_credentials("spot", mounted(tmp_path, secret=PLAIN)).key == KEY


@pytest.mark.parametrize(
    "dirt", ["{}\n", "{}\r\n", " {}\t", "\ufeff{}", "{}\u200b", "\u2060{}\u200d\n", "\xa0{}"]
)
def test_what_copying_adds_unseen_is_dropped(tmp_path: Path, dirt: str) -> None:
    folder = mounted(tmp_path, key=dirt.format(KEY), secret=dirt.format(PLAIN))
    read = read_credentials("spot", folder)
    assert (read.key, read.secret) == (KEY, Secret(PLAIN))


def test_a_zero_width_character_inside_is_dropped_too(tmp_path: Path) -> None:
    folder = mounted(tmp_path, key=KEY, secret=PLAIN[:5] + "\u200b" + PLAIN[5:])
    assert read_credentials("spot", folder).secret == Secret(PLAIN)


def test_pem_on_one_line_with_escaped_ends_is_read(tmp_path: Path) -> None:
    folder = mounted(tmp_path, key=KEY, private_key=pem("es256").replace("\n", "\\n"))
    assert read_credentials("spot", folder).kind is Kind.ES256


def test_the_older_forms_of_pem_are_read(tmp_path: Path) -> None:
    for kind in ("rsa", "es256"):
        key = load_pem_private_key(pem(kind).encode(), None)
        old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        assert read_credentials("spot", mounted(tmp_path, key=KEY, private_key=old)).kind == kind


def test_coinbases_64_bytes_in_base64_are_an_ed25519_key(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    text = base64.b64encode(raw + public)
    read = read_credentials("spot", mounted(tmp_path, key=KEY, private_key=text))
    assert isinstance(read.private_key, ed25519.Ed25519PrivateKey)
    assert read.private_key.public_key() == key.public_key()
    mixed = base64.b64encode(raw + bytes(32))
    with pytest.raises(ConfigError, match="not in PEM form"):
        read_credentials("spot", mounted(tmp_path, key=KEY, private_key=mixed))


def encrypted() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))


def public() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def pkcs8(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


PEM_FAULTS: list[tuple[Callable[[], str | bytes], str]] = [
    (lambda: HIDDEN, "is not in PEM form"),
    (lambda: f"-----BEGIN PRIVATE KEY-----\n{HIDDEN}\n-----END PRIVATE KEY-----\n", "cannot|use"),
    (lambda: pem("ed25519")[:-40], "can use"),
    (lambda: b"\xff\xfe\x00" + HIDDEN.encode(), "is not in PEM form"),
    (encrypted, "is encrypted"),
    (public, "is the public half"),
    (lambda: pkcs8(x25519.X25519PrivateKey.generate()), "can use"),
    (lambda: pkcs8(ec.generate_private_key(ec.SECP384R1())), "secp384r1 is not P-256"),
    (lambda: pkcs8(rsa.generate_private_key(65537, 1024)), "1024 bits is too short"),
    (lambda: " \n", "is not in PEM form"),
]


@pytest.mark.parametrize(("make", "message"), PEM_FAULTS)
def test_a_wrong_pem_is_refused_by_its_file_and_not_its_content(
    tmp_path: Path, make: Callable[[], str | bytes], message: str
) -> None:
    content = make()
    mounted(tmp_path, key=KEY, private_key=content)
    with pytest.raises(ConfigError, match=message) as failure:
        read_credentials("spot", tmp_path)
    shown = told(failure.value)
    assert str(tmp_path / "private-key.pem") in shown
    text = content if isinstance(content, str) else content.decode("latin-1")
    pieces = [line for line in text.splitlines() if len(line) > 12 and "-----" not in line]
    assert [piece for piece in [*pieces, HIDDEN] if piece[:12] in shown] == []


BROKEN: list[tuple[dict[str, str | bytes], str]] = [
    ({}, "no key"),
    ({"key": KEY}, "neither a secret nor a private key"),
    ({"secret": HIDDEN}, "no key"),
    ({"key": KEY, "secret": HIDDEN, "private_key": pem("ed25519")}, "both a secret and"),
    ({"key": KEY, "secret": ""}, "secret: is empty"),
    ({"key": KEY, "secret": " \n"}, "secret: is empty"),
    ({"key": KEY, "secret": f"{HIDDEN}\n{HIDDEN}"}, "secret: holds a blank"),
    ({"key": KEY, "secret": f"{HIDDEN}\x00"}, "secret: holds a blank"),
    ({"key": KEY, "secret": HIDDEN.encode("utf-16")}, "secret: holds a blank"),
    ({"key": KEY, "secret": pem("ed25519")}, "secret: holds a blank"),
    ({"key": f"{HIDDEN}é", "secret": PLAIN}, "key: holds a blank"),
    ({"key": KEY, "secret": HIDDEN, "passphrase": "a\nb"}, "passphrase: holds"),
    ({"key": HIDDEN, "secret": HIDDEN}, "are the same"),
    ({"key": KEY, "secret": HIDDEN + "x" * MOST_BYTES}, "more than"),
]


@pytest.mark.parametrize(("files", "message"), BROKEN)
def test_what_cannot_be_an_account_is_refused_without_saying_it(
    tmp_path: Path, files: dict[str, str | bytes], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as failure:
        read_credentials("spot", mounted(tmp_path, **files))
    shown = told(failure.value)
    assert HIDDEN not in shown
    assert pem("ed25519").splitlines()[1] not in shown


def test_what_the_environment_holds_is_refused_without_saying_it(setenv: Setenv) -> None:
    setenv("ALP_SPOT_KEY", KEY)
    setenv("ALP_SPOT_SECRET", f"{HIDDEN} {HIDDEN}")
    with pytest.raises(ConfigError, match="ALP_SPOT_SECRET: holds a blank") as failure:
        read_credentials("spot")
    assert HIDDEN not in told(failure.value)


def test_an_empty_variable_is_as_good_as_none(setenv: Setenv, tmp_path: Path) -> None:
    setenv("ALP_SPOT_KEY", KEY)
    setenv("ALP_SPOT_SECRET", "")
    setenv("ALP_SPOT_PASSPHRASE", "")
    with pytest.raises(ConfigError, match="neither") as failure:
        read_credentials("spot")
    assert read_credentials("spot", mounted(tmp_path, secret=PLAIN)).passphrase is None
    assert failure.value.hint is not None


def test_nothing_is_taken_from_two_places(tmp_path: Path, setenv: Setenv) -> None:
    setenv("ALP_SPOT_SECRET", HIDDEN)
    with pytest.raises(ConfigError, match=r"secret and ALP_SPOT_SECRET both exist"):
        read_credentials("spot", mounted(tmp_path, key=KEY, secret=PLAIN))


def test_a_missing_file_or_folder_is_named(tmp_path: Path, setenv: Setenv) -> None:
    with pytest.raises(ConfigError, match="no key") as failure:
        read_credentials("spot", tmp_path / "nowhere")
    assert "ALP_SPOT_KEY" in str(failure.value.hint)
    mounted(tmp_path, apiKey=KEY)
    with pytest.raises(ConfigError, match="no key") as failure:
        read_credentials("spot", tmp_path)
    assert "apiKey" in str(failure.value.hint)
    setenv("ALP_SPOT_KEY", KEY)
    setenv("ALP_SPOT_PRIVATE_KEY_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=r"none\.pem \(ALP_SPOT_PRIVATE_KEY_FILE\): No such file"):
        read_credentials("spot")
    (tmp_path / "secret").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        read_credentials("other", mounted(tmp_path, key=KEY))


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "%s".__mod__, "{!r}".format, lambda value: f"{[value]} {(value,)}"],
)
@pytest.mark.parametrize("credentials", [HMAC, EXCHANGE, asymmetric("ed25519"), asymmetric("rsa")])
def test_credentials_are_not_shown(show: Callable[[object], str], credentials: Credentials) -> None:
    shown = show(credentials) + show(credentials.secret) + show(credentials.passphrase)
    for hidden in (PLAIN, BASE64, PHRASE, KEY):
        assert hidden not in shown


def test_credentials_are_not_logged() -> None:
    record = logging.makeLogRecord(
        {"name": "alp", "levelname": "INFO", "msg": "%s %r", "args": (EXCHANGE, EXCHANGE.secret)}
    )
    record.account = EXCHANGE
    for form in (TextLines(), JsonLines()):
        line = form.format(record)
        assert "Credentials(alp-" in line
        assert not any(hidden in line for hidden in (BASE64, PHRASE))


@pytest.mark.parametrize(
    "leak",
    [pickle.dumps, copy.copy, copy.deepcopy, dataclasses.asdict, vars, json.dumps],
)
def test_credentials_do_not_leave_the_process(leak: Callable[[Credentials], object]) -> None:
    with pytest.raises(TypeError) as failure:
        leak(EXCHANGE)
    assert not any(hidden in str(failure.value) for hidden in (BASE64, PHRASE))


def test_a_secret_is_neither_pickled_nor_hashed() -> None:
    for leak in (pickle.dumps, copy.copy, hash):
        with pytest.raises(TypeError):
            leak(Secret(HIDDEN))
    assert Secret(HIDDEN) != HIDDEN
    assert Secret(HIDDEN) != Secret(PLAIN)


def test_a_signed_request_is_not_shown_either() -> None:
    signed = coinbase.sign_exchange(EXCHANGE, "GET", "/orders?a=b", timestamp_s="1")
    assert signed.headers["CB-ACCESS-PASSPHRASE"] == PHRASE
    assert repr(signed) == "SignedRequest(GET /orders)"
    with pytest.raises(TypeError):
        pickle.dumps(signed)


def test_each_exchange_says_beforehand_whether_it_takes_credentials() -> None:
    takes = {
        exchange: [
            name
            for name, credentials in {
                "hmac": HMAC,
                "base64": EXCHANGE,
                "ed25519": asymmetric("ed25519"),
                "rsa": asymmetric("rsa"),
                "es256": asymmetric("es256"),
            }.items()
            if not refused(exchange, credentials)
        ]
        for exchange in EXCHANGES
    }
    assert takes == {
        "binance-usdm": ["hmac", "base64", "ed25519", "rsa"],
        "binance-spot": ["hmac", "base64", "ed25519", "rsa"],
        "coinbase-spot": ["ed25519", "es256"],
        "kraken-spot": ["base64"],
        "kraken-futures": ["base64"],
    }


def refused(exchange: str, credentials: Credentials) -> bool:
    try:
        check_credentials(exchange, credentials)
    except ConfigError:
        return True
    return False


def test_a_secret_that_is_not_base64_is_refused_without_saying_it() -> None:
    with pytest.raises(ConfigError, match="not base64") as failure:
        check_credentials("kraken-spot", credentials_of(KEY, secret=Secret(HIDDEN + "!")))
    assert HIDDEN not in told(failure.value)


def test_the_names_of_variables_are_those_of_the_documents() -> None:
    assert list(variable_names("kraken-1").values()) == [
        "ALP_KRAKEN_1_KEY",
        "ALP_KRAKEN_1_SECRET",
        "ALP_KRAKEN_1_PASSPHRASE",
        "ALP_KRAKEN_1_PRIVATE_KEY_FILE",
    ]
