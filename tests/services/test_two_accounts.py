"""Two accounts at one exchange: each has a process, a journal, client ids and keys of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import pytest
from account_world import manifest
from handler_world import Handler, World, world
from waits import run, until

from alp._core.wire import encode
from alp.bus.commands import CommandClient
from alp.errors import ConfigError
from alp.journal.ids import parse_client_id
from alp.paper.accounts import OTHER_KEY, OTHER_SECRET
from alp.paper.orders import Order
from alp.services.execution.handler import ExecHandler
from alp.services.execution.setup import Placement, tag_of

SOON_S = 60.0
SECOND_VENUE = """\
  - name: other
    exchange: binance-usdm
    symbol: ETHUSDC
    endpoints: {{rest: "{rest}", stream: "{stream}"}}
    order: {{maxBase: "2"}}
  limits:
"""


def keyed(name: str, key: str) -> dict[str, Any]:
    return {
        "name": name,
        "exchange": "binance-usdm",
        "symbol": "ETHUSDC",
        "endpoints": {"rest": "http://127.0.0.1:1", "stream": "ws://127.0.0.1:1"},
        "credentials": {"secretRef": {"name": "keys", "key": key}},
    }


def test_a_handler_is_the_account_of_the_venue_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = manifest(
        mode="paper",
        venues=[
            keyed("a", "one"),
            keyed("b", "two"),
            keyed("c", "two") | {"symbol": "ETHUSDT"},
        ],
    )
    for name in "ABC":
        monkeypatch.setenv(f"ALP_{name}_KEY", "k" * 64)
        monkeypatch.setenv(f"ALP_{name}_SECRET", "s" * 64)

    def handler(venue: str) -> ExecHandler:
        place = Placement(venue, tmp_path, "ipc://c", "ipc://p", "ipc://r", ("ipc://q", "ipc://s"))
        return ExecHandler(strategy, place)

    names = [handler(each).name for each in "abc"]
    assert names == ["binance-usdm-keys.one", "binance-usdm-keys.two", "binance-usdm-keys.two"]
    tags = [tag_of(strategy, each) for each in names]
    assert tags[0] != tags[1] == tags[2]
    with pytest.raises(ConfigError, match="no venue 'd'"):
        handler("d")


def add_second(here: World) -> None:
    """Put the exchange's second account into the manifest."""
    venue = SECOND_VENUE.format(rest=here.exchange.rest_url, stream=here.exchange.stream_url)
    text = here.manifest.read_text()
    assert text.count("  limits:\n") == 1
    here.manifest.write_text(text.replace("  limits:\n", venue))


async def quote(here: World, handler: Handler, token: int, index: int) -> None:
    """Renew a wish for one of the venues again and again."""
    with CommandClient(here.context, handler.commands) as client:
        while True:
            wish = here.wish()
            header = wish.header._replace(instrument=index)
            with contextlib.suppress(TimeoutError):
                message = wish._replace(header=header, token=token)
                await client.ask(encode(message), timeout_s=0.5, times=1)
            await asyncio.sleep(0.1)


@pytest.mark.timed
def test_two_handlers_work_side_by_side_and_one_that_ends_leaves_the_others_orders(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with world(tmp_path, quotes=False) as here, asyncio.TaskGroup() as tasks:
            add_second(here)
            await here.serve_quotes()
            keys = {"ALP_OTHER_KEY": OTHER_KEY, "ALP_OTHER_SECRET": OTHER_SECRET}
            handlers = [
                await here.start("a"),
                await here.start("b", more=("--venue", "other"), **keys),
            ]
            quoting = [
                tasks.create_task(quote(here, each, (await here.ready(each)).token, index))
                for index, each in enumerate(handlers)
            ]

            def tags(account: str) -> list[str]:
                ids = [parse_client_id(each.ticket.client_id) for each in orders(account)]
                return [each.tag for each in ids if each is not None]

            def orders(account: str) -> list[Order]:
                return list(here.desk.open_orders(account))

            try:
                await until(lambda: len(tags("first")) == len(tags("second")) == 4, SOON_S)
                assert len({*tags("first")}) == len({*tags("second")}) == 1
                assert {*tags("first")} != {*tags("second")}
                handlers[0].signal(signal.SIGTERM)
                assert await handlers[0].status() == 0, handlers[0].text
                assert orders("first") == []
                await until(lambda: len(orders("second")) == 4, SOON_S)
            finally:
                for each in quoting:
                    each.cancel()
            folders = {each.name for each in (tmp_path / "state").iterdir() if each.is_dir()}
            assert folders == {"binance-usdm-other", "binance-usdm-venue"}

    run(test())
