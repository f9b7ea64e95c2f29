"""Answers about products that venues gave or document, whole: every product of them is read."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from answers import Http

from alp.errors import VenueError
from alp.venues.instruments import Instrument
from alp.venues.registry import adapter_for


def recorded(shared: Path, file: str, channel: str, kind: str) -> bytes:
    path = shared / "venues" / "fixtures" / "public" / f"{file}_messages.jsonl"
    rows = map(json.loads, path.read_text().splitlines())
    (found,) = [row["raw"] for row in rows if (row["channel"], row["kind"]) == (channel, kind)]
    return found.encode()


def read(exchange: str, path: str, answer: bytes, *symbols: str) -> list[Instrument]:
    return asyncio.run(adapter_for(exchange).instruments(Http(**{path: answer}), symbols))


def test_binance_futures_as_recorded(shared: Path) -> None:
    answer = recorded(shared, "binance_usdm", "rest.exchangeInfo", "recorded")
    symbols = [row["symbol"] for row in json.loads(answer)["symbols"]]
    found = read("binance-usdm", "/fapi/v1/exchangeInfo", answer, *symbols)
    assert [each.symbol for each in found] == symbols
    bitcoin = found[symbols.index("BTCUSDT")]
    assert bitcoin.price.increment == Decimal("0.01")
    assert bitcoin.order_quantity.increment == bitcoin.min_quantity == Decimal("0.001")
    assert bitcoin.min_notional == 5


def test_binance_spot_as_recorded(shared: Path) -> None:
    answer = recorded(shared, "binance_spot", "rest.exchangeInfo", "recorded")
    path = "/api/v3/exchangeInfo?symbol=ETHBTC"
    (found,) = read("binance-spot", path, answer, "ETHBTC")
    assert found.price.increment == Decimal("0.000001")
    assert found.order_quantity.increment == Decimal("0.0001")
    assert found.quantity.increment == Decimal("1e-8")


def test_a_product_without_filters_is_refused(shared: Path) -> None:
    answer = recorded(shared, "binance_spot", "rest.exchange_info_response", "docs-example")
    with pytest.raises(VenueError, match="ETHBTC has no filter PRICE_FILTER"):
        read("binance-spot", "/api/v3/exchangeInfo?symbol=ETHBTC", answer, "ETHBTC")


def test_coinbase_as_documented(shared: Path) -> None:
    answer = recorded(shared, "coinbase", "http_product", "docs-example")
    path = "/api/v3/brokerage/market/products/BTC-USD"
    (found,) = read("coinbase-spot", path, answer, "BTC-USD")
    assert found.price.increment == Decimal("0.01")
    assert found.feed_symbol == "BTC-USD"


def test_coinbase_s_aliases_as_documented(shared: Path) -> None:
    products = json.loads(recorded(shared, "coinbase", "http_products", "docs-example"))["products"]
    names = {}
    for product in products:
        symbol = product["product_id"]
        path = f"/api/v3/brokerage/market/products/{symbol}"
        (found,) = read("coinbase-spot", path, json.dumps(product).encode(), symbol)
        names[symbol] = found.feed_symbol
    assert names["BTC-USDC"] == "BTC-USD"
    assert names["BTC-USD"] == "BTC-USD"


def test_kraken_futures_as_documented(shared: Path) -> None:
    answer = recorded(shared, "kraken_futures", "http_futures_instruments", "docs-example")
    path = "/derivatives/api/v3/instruments"
    ether, frog = read("kraken-futures", path, answer, "PF_ETHUSD", "PF_PEPEUSD")
    assert (ether.price.increment, ether.quantity.increment) == (Decimal("0.1"), Decimal("0.001"))
    assert (frog.price.increment, frog.quantity.increment) == (Decimal("1e-10"), 1000)
    with pytest.raises(VenueError, match="PI_XBTUSD is of type futures_inverse"):
        read("kraken-futures", path, answer, "PI_XBTUSD")
