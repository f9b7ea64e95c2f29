"""A secret in a manifest is refused, and no message repeats it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import VENUE, small

from alp.strategy import ManifestError, load_manifest
from alp.strategy.secrets import looks_secret, may_hold_secret, names_secret

HEX = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
TOKEN = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----"


def refusal(content: dict[str, Any]) -> str:
    with pytest.raises(ManifestError) as caught:
        load_manifest(content)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "apiKey", "api_key", "API-KEY", "secretKey", "SECRET_KEY", "apiSecret", "secret",
        "password", "passphrase", "privateKey", "PRIVATE_KEY", "walletPrivateKey", "mnemonic",
        "seedPhrase", "binanceApiKey", "TELEGRAM_BOT_TOKEN", "accessToken",
    ],
)  # fmt: skip
def test_a_field_named_like_a_secret_is_refused_wherever_it_is(name: str) -> None:
    assert names_secret(name)
    for content in (
        small(**{name: "hunter2"}),
        small(venues=[VENUE | {name: "hunter2"}]),
        small() | {"metadata": {"name": "x", "annotations": {name: "hunter2"}}},
    ):
        message = refusal(content)
        assert f"{name}: holds a secret in plain text" in message
        assert "hunter2" not in message


@pytest.mark.parametrize("name", ["seed", "key", "name", "tokens", "baseIsToken0", "secretRef"])
def test_ordinary_fields_are_not_named_like_a_secret(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    "value", [HEX, f"0x{HEX}", TOKEN, PEM, "https://user:pw@node/", "x?apiKey=abc"]
)
def test_a_value_that_looks_like_a_key_is_refused_in_credentials_and_wallet(value: str) -> None:
    assert looks_secret(value)
    for content in (
        small(venues=[VENUE | {"credentials": value}]),
        small(venues=[VENUE | {"credentials": {"secretRef": {"name": value}}}]),
        small(venues=[VENUE | {"credentials": {"key": value}}]),
        small(wallet={"secretRef": value}),
        small(wallet=[value]),
    ):
        message = refusal(content)
        assert "holds a secret in plain text" in message
        assert value not in message
        assert value[:20] not in message


def test_a_pem_block_is_refused_anywhere() -> None:
    content = small() | {"metadata": {"name": "x", "annotations": {"note": PEM}}}
    message = refusal(content)
    assert "metadata.annotations.note: holds a secret" in message
    assert "MHcCAQEEIA" not in message


@pytest.mark.parametrize("value", ["hunter2", 12345, ["hunter2"], {"nmae": "hunter2"}, True])
def test_a_wrong_value_in_credentials_is_refused_without_being_shown(value: Any) -> None:
    for content in (
        small(venues=[VENUE | {"credentials": value}]),
        small(venues=[VENUE | {"credentials": {"secretRef": value}}]),
        small(venues=[VENUE | {"credentials": {"secretRef": {"name": "x", "kye": value}}}]),
    ):
        message = refusal(content)
        assert "hunter2" not in message
        assert "12345" not in message


@pytest.mark.parametrize(
    "name",
    ["binance", "alp-binance-keys-2024-production", "keys.trading.example.com", "k8s-eu-west-1-b"],
)
def test_an_ordinary_secret_name_is_accepted(name: str) -> None:
    credentials = {"secretRef": {"name": name, "key": "api-key"}}
    strategy = load_manifest(small(venues=[VENUE | {"credentials": credentials}]))
    found = strategy.spec.venues[0].credentials
    assert found is not None
    assert found.secret_ref.name == name


def test_an_empty_secret_field_is_only_unknown() -> None:
    message = refusal(small(venues=[VENUE | {"apiKey": ""}]))
    assert "is not a field here" in message


def test_the_cause_of_a_refusal_does_not_carry_the_value_either() -> None:
    with pytest.raises(ManifestError) as caught:
        load_manifest(small(venues=[VENUE | {"credentials": {"apiKey": "hunter2"}}]))
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(error)
        assert "hunter2" not in str(error)
        error = error.__cause__ or error.__context__


@given(st.text(min_size=1, max_size=80))
def test_whatever_stands_in_a_secret_field_is_never_repeated(text: str) -> None:
    value = f"S3cr3t{text}S3cr3t"
    for content in (
        small(venues=[VENUE | {"apiKey": value}]),
        small(wallet={"privateKey": value}),
        small(venues=[VENUE | {"credentials": {"secretRef": {"name": value}}}]),
    ):
        message = refusal(content)
        assert "S3cr3t" not in message


def test_paths_into_credentials_and_wallet_may_hold_a_secret() -> None:
    assert may_hold_secret(("spec", "venues", 0, "credentials", "x"))
    assert may_hold_secret(("spec", "wallet"))
    assert not may_hold_secret(("spec", "pool", "chain"))
