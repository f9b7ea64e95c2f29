"""A position server beside a real handler and a simulated exchange, whose books are the truth."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from handler_processes import Zygote
from handler_world import SOON_S, Handler, World, world
from kill_venues import SCENES, free_port
from waits import until

from alp.errors import AlpError
from alp.ledger.accounts import Account, Kind
from alp.ledger.books import Snapshot
from alp.ledger.database import open_engine, reading
from alp.ledger.events import Fill
from alp.ledger.store import read_books, stream_entries
from alp.ledger.verify import verify

OWNER = "{}-venue"
READY_S = 90.0
"""A venue's budget of requests may have to begin anew."""


def reading_keys(venue: str, folder: Path) -> dict[str, str]:
    """The environment with the position server's keys: at most simulated venues the same ones."""
    found = SCENES[venue].keys(folder)
    return {
        name.replace("ALP_VENUE_", "ALP_VENUE_POSITIONS_"): text for name, text in found.items()
    }


class Positions:
    """The server, its ledger, and what the ledger has to be."""

    def __init__(self, world: World, zygote: Zygote, ledger: str) -> None:
        self.world = world
        self.zygote = zygote
        self.ledger = ledger
        self.owner = OWNER.format(world.scene.name)
        self.lives = 0

    async def start(self, *more: str) -> Handler:
        here, port = self.world, free_port()
        self.lives += 1
        log = here.folder / f"positions-{self.lives}.log"
        arguments = [
            *("--log-level", "debug", "position-server", str(here.manifest)),
            *("--state", str(here.folder / "state"), "--ledger", self.ledger),
            *("--commands", f"venue={here.end('commands-a')}"),
            *("--orders", f"venue={here.end('orders-a')}"),
            *("--quotes", here.end("quotes"), "--chain", here.end("lp")),
            *("--publish", here.end("positions"), "--recall", here.end("positions.recall")),
            *("--period", "1", "--health", f"127.0.0.1:{port}", *more),
        ]
        pid = await self.zygote.start(arguments, log)
        found = Handler(pid, log, port, "")
        here.handlers.append(found)
        return found

    async def ready(self, server: Handler) -> None:
        """Wait until its word can be used."""
        end = time.monotonic() + READY_S
        while True:
            status, page = await server.page("/readyz")
            if status == 200 and all(page["readings"].values()):
                return
            assert server.alive, server.text[-4000:]
            assert time.monotonic() < end, (status, page, server.text[-4000:])
            await asyncio.sleep(0.05)

    # what the exchange has

    def exchange_trades(self) -> Counter[tuple[int, int]]:
        """Price and quantity of every trade, by the exchange's own books."""
        return Counter((each.price, each.quantity) for each in self.world.desk.trades_of("first"))

    def exchange_base(self) -> int:
        """What is held, in the order table's lots."""
        return self.world.scene.position(self.world.desk)

    # what the ledger has

    def snapshot(self) -> Snapshot:
        engine = open_engine(self.ledger)
        try:
            with reading(engine) as connection:
                return read_books(connection).snapshot()
        finally:
            engine.dispose()

    def booked(self) -> dict[str, tuple[int, int, int]]:
        """By proof: side, base and quote amount of every trade in the ledger."""
        engine = open_engine(self.ledger)
        found: dict[str, tuple[int, int, int]] = {}
        try:
            with reading(engine) as connection:
                for row in stream_entries(connection):
                    if row.kind == Fill.kind:
                        said = json.loads(row.content)
                        found[row.proof] = said["side"], said["base_amount"], said["quote_amount"]
        finally:
            engine.dispose()
        return found

    def base(self) -> int:
        """What the ledger says is held, in the order table's lots."""
        scene, balances = self.world.scene, self.snapshot().balances
        asset = f"{scene.symbol}@{self.owner}" if scene.futures else "ETH"
        decimals = 18 if asset == "ETH" else 12
        amount = balances.get(Account(Kind.VENUE, self.owner, asset), 0)
        return amount * scene.lots_per_base // 10**decimals

    def cash(self) -> int:
        """What the ledger says there is of the quote, 10^-8 of it."""
        account = Account(Kind.VENUE, self.owner, self.quote)
        return self.snapshot().balances.get(account, 0) // 10**4

    @property
    def quote(self) -> str:
        return "USD" if self.world.scene.name == "kraken-futures" else "USDC"

    def exchange_cash(self) -> int:
        return int(self.world.desk.accounts.by_name["first"].balances[self.quote])

    async def agree(self, within_s: float = SOON_S) -> None:
        """Wait until ledger and exchange have the same trades and the same base."""

        def same() -> bool:
            try:
                return (
                    len(self.booked()) == sum(self.exchange_trades().values())
                    and self.base() == self.exchange_base()
                )
            except AlpError:
                return False  # it is just being made

        try:
            await until(same, within_s)
        except AssertionError:
            booked, traded = len(self.booked()), sum(self.exchange_trades().values())
            texts = "\n".join(each.text[-2500:] for each in self.world.handlers[-3:])
            raise AssertionError(
                f"{booked} trades booked of {traded}; base {self.base()} of "
                f"{self.exchange_base()}\n{texts}"
            ) from None

    def verify(self) -> None:
        """Book everything again and hold the ledger to it."""
        engine = open_engine(self.ledger)
        try:
            found = verify(engine, self.ledger)
            assert not found.faults, found.faults[:5]
            assert found.entries
        finally:
            engine.dispose()


@asynccontextmanager
async def positions(
    folder: Path, venue: str = "binance-usdm", ledger: str = ""
) -> AsyncIterator[Positions]:
    """A world with everything but the handler and the position server running."""
    async with (
        world(folder, venue) as here,
        Zygote(reading_keys(venue, folder)) as zygote,
    ):
        yield Positions(here, zygote, ledger or str(folder / "ledger.db"))


def played(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Let a test that waits be one that pytest runs."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run
