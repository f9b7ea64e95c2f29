"""Adapters by the names of the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from alp._core.feed import VENUES
from alp.errors import ConfigError
from alp.venues.adapter import SECOND, Channel, Endpoints
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
    assert adapter.endpoints == Endpoints("https://api.kraken.com", "ws://127.0.0.1:8080")


def test_an_unknown_exchange_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="'kraken'") as error:
        adapter_for("kraken")
    assert "kraken-spot, kraken-futures" in str(error.value.hint)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_documents_say_what_the_adapter_says(exchange: str, root: Path) -> None:
    page = (root / "docs" / "exchanges.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{exchange}` |")]
    _, begins, depth, life, dead, replaced = [cell.strip() for cell in row.split("|")[2:-1]]
    adapter = adapter_for(exchange)
    manners = adapter.manners
    assert begins.startswith("REST") == adapter.rest_snapshots
    assert depth == (str(adapter.depth) if adapter.depth else "all")
    assert ("asked" in life) == (manners.ping is not None)
    if manners.ping is not None:
        assert f"every {manners.ping_ns // SECOND} s" in life
    assert dead == f"{manners.silence_ns // SECOND} s"
    hours = manners.lifetime_ns // (3600 * SECOND)
    assert replaced == (f"{hours} h" if hours else "-")
    quiet = f"{manners.channel_silence_ns // SECOND} s"
    (sentence,) = [part for part in page.split("- ") if part.startswith("A book of which")]
    named = (
        f"{quiet} (" in sentence
        and f"`{exchange}`" in sentence.split(f"{quiet} (")[1].split(")")[0]
    )
    assert named or (quiet == "60 s" and f"`{exchange}`" not in sentence)
