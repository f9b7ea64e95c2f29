"""Adapters by the names of the manifest."""

from __future__ import annotations

import pytest

from alp._core.feed import VENUES
from alp.errors import ConfigError
from alp.venues.adapter import Channel, Endpoints
from alp.venues.instruments import Grid, Instrument
from alp.venues.registry import EXCHANGES, adapter_for


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_each_exchange_has_a_feed_and_secure_endpoints(exchange: str) -> None:
    adapter = adapter_for(exchange)
    assert adapter.exchange == exchange
    assert adapter.feed in VENUES
    grid = Grid(2, 1)
    product = Instrument(exchange, "A", "A", "A", "B", grid, grid, grid, grid.increment)
    for socket in adapter.sockets([product], Channel.BOOK | Channel.TRADE):
        assert socket.url.startswith("wss://")


def test_one_endpoint_can_be_another() -> None:
    adapter = adapter_for("kraken-spot", Endpoints("", "ws://127.0.0.1:8080/"))
    assert adapter.endpoints == Endpoints("https://api.kraken.com", "ws://127.0.0.1:8080")  # type: ignore[attr-defined]


def test_an_unknown_exchange_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="'kraken'") as error:
        adapter_for("kraken")
    assert "kraken-spot, kraken-futures" in str(error.value.hint)
