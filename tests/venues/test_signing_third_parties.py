"""What another client signs, with the same keys and hard parameters, is believed; ccxt is one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from accounts import BASE64, EXCHANGE, HMAC, KEY, KRAKEN, PHRASE, PLAIN, asymmetric, pem

from alp.venues.binance import signing as binance
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Secret, credentials_of
from alp.venues.kraken import signing as kraken

ccxt = pytest.importorskip("ccxt", reason="needs ccxt, of the extra `test`")

HARD = {"symbol": "ETH&USDC", "note": "a b+c/é魚~'%", "sign": "=", "empty": ""}


def signed_by(client: Any, path: str, api: list[str], method: str) -> dict[str, Any]:
    request: dict[str, Any] = client.sign(path, api, method, dict(HARD))
    request["query"] = request["url"].partition("?")[2]
    request["body"] = (request["body"] or "").encode()
    return request


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("kind", ["hmac", "ed25519", "rsa"])
def test_binance_believes_it(kind: str, method: str) -> None:
    account = HMAC if kind == "hmac" else asymmetric(kind)
    client = ccxt.binanceusdm({"apiKey": KEY, "secret": PLAIN if kind == "hmac" else pem(kind)})
    request = signed_by(client, "order", ["fapiPrivate"], method)
    read = binance.verify_request(
        account,
        request["query"],
        request["body"],
        key=request["headers"]["X-MBX-APIKEY"],
        now_ms=time.time_ns() // 10**6,
    )
    assert read.items() >= HARD.items()


def test_coinbase_believes_its_token() -> None:
    name = "organizations/a/apiKeys/b"
    client = ccxt.coinbase({"apiKey": name, "secret": pem("es256")})
    claims = coinbase.verify_request(
        credentials_of(name, private_key=Secret(pem("es256"))),
        "POST",
        "/api/v3/brokerage/orders",
        authorization=signed_by(client, "brokerage/orders", ["v3", "private"], "POST")["headers"][
            "Authorization"
        ],
        now_s=time.time_ns() // 10**9,
    )
    assert claims["uri"] == "POST api.coinbase.com/api/v3/brokerage/orders"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_older_exchange_of_coinbase_believes_it(method: str) -> None:
    client = ccxt.coinbaseexchange({"apiKey": KEY, "secret": BASE64, "password": PHRASE})
    request = signed_by(client, "orders", ["private"], method)
    headers = request["headers"]
    coinbase.verify_exchange(
        EXCHANGE,
        method,
        "/orders" + (f"?{request['query']}" if request["query"] else ""),
        request["body"],
        key=headers["CB-ACCESS-KEY"],
        signature=headers["CB-ACCESS-SIGN"],
        timestamp_s=headers["CB-ACCESS-TIMESTAMP"],
        passphrase=headers["CB-ACCESS-PASSPHRASE"],
        now_s=time.time_ns() // 10**9,
    )


def test_kraken_believes_it_and_alp_makes_the_same_bytes() -> None:
    client = ccxt.kraken({"apiKey": KEY, "secret": BASE64})
    request = signed_by(client, "AddOrder", ["private"], "POST")
    headers = request["headers"]
    nonce = kraken.verify_request(
        KRAKEN,
        "/0/private/AddOrder",
        request["body"],
        key=headers["API-Key"],
        signature=headers["API-Sign"],
    )
    ours = kraken.sign_request(KRAKEN, "/0/private/AddOrder", HARD, nonce=nonce)
    assert (ours.body, ours.headers) == (request["body"], headers)


def test_kraken_futures_believe_it() -> None:
    client = ccxt.krakenfutures({"apiKey": KEY, "secret": BASE64})
    request = signed_by(client, "sendorder", ["private"], "POST")
    kraken.verify_futures_request(
        KRAKEN,
        "/derivatives/api/v3/sendorder",
        request["query"],
        request["body"],
        key=request["headers"]["APIKey"],
        authent=request["headers"]["Authent"],
    )
