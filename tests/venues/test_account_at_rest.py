"""What an account has, at the start: only with exactly those trades that were told."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from account_worlds import KINDS, World, account_at, exchange_of
from plain_venue import PRODUCT
from waits import run, until

from alp.venues.account.dead_man import DeadMan
from alp.venues.account.recovery import MOST_COMPARED, Reader
from alp.venues.account.state import AccountReport
from alp.venues.orders import Balance, Capability, PositionNews

SECOND = 10**9


def balance(total: int, quote: int = 0) -> AccountReport:
    return AccountReport((Balance(PRODUCT.base, total), Balance("OTHER", quote)))


def position(quantity: int, entry: int = 0) -> AccountReport:
    return AccountReport((Balance("USD", entry),), (PositionNews("P", quantity, entry),))


@dataclass
class Readings:
    """An account that is another one each time it is read; some facts come in between."""

    reports: Iterable[AccountReport]
    heard: list[int] = field(default_factory=list)
    """How many facts about trades came during each reading."""
    capabilities: Capability = Capability.NONE
    did: str = ""
    told: int = 0

    async def read(self) -> AccountReport:
        calls: Any = SimpleNamespace(adapter=self)
        unused: Any = None
        reader = Reader(calls, unused, unused, unused, [PRODUCT], lambda: (), lambda _: None)
        reports, heard = iter(self.reports), iter(self.heard)

        async def account() -> AccountReport:
            self.did += "a"
            self.told += next(heard, 0)
            return next(reports)

        async def trades() -> None:
            self.did += "t"

        reader.account = account  # type: ignore[method-assign]
        return await reader.account_at_rest(trades, lambda: self.told)

    exchange = "plain"


@pytest.mark.parametrize(
    ("readings", "did", "which"),
    [
        (Readings([balance(1), balance(1)]), "ata", 1),
        (Readings([balance(1), balance(2), balance(2)]), "atata", 2),
        (Readings([balance(1), balance(1), balance(1)], [0, 1]), "atata", 2),
        (Readings([balance(1), balance(1)], [1, 0]), "ata", 1),
        (Readings([balance(1, quote=7), balance(1, quote=8)]), "ata", 1),
        (
            Readings([position(1), position(2), position(2)], [], Capability.POSITIONS),
            "atata",
            2,
        ),
        (Readings([position(1, 5), position(1, 6)], [], Capability.POSITIONS), "ata", 1),
    ],
)
def test_it_is_read_until_nothing_was_traded_meanwhile(
    readings: Readings, did: str, which: int
) -> None:
    async def test() -> None:
        reports = list(readings.reports)
        assert await readings.read() is reports[which]
        assert readings.did == did

    run(test())


def test_where_it_never_rests_what_was_read_last_is_taken() -> None:
    async def test() -> None:
        readings = Readings(balance(number) for number in itertools.count())
        assert await readings.read() == balance(MOST_COMPARED)

    run(test())


def held(report: AccountReport, world: World) -> int:
    """What a report says of the product: a position, or what there is of the base asset."""
    assert report.whole
    instrument = world.book.instrument
    found = [each.quantity for each in report.positions if each.symbol == instrument.symbol]
    found += [each.total for each in report.balances if each.asset == instrument.base]
    return found[0] if found else 0


def at_the_venue(world: World) -> int:
    account, symbol = world.desk.accounts.by_name["first"], world.book.instrument.symbol
    if not world.desk.futures:
        return account.balances[world.book.instrument.base]
    return account.positions[symbol].quantity if symbol in account.positions else 0


@pytest.mark.timed
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("when", ["the account was read", "the venue's timer was set"])
def test_a_trade_at_the_start_is_in_what_its_owner_begins_with(name: str, when: str) -> None:
    """The matrix of kills found positions without one, at Kraken spot."""

    async def test() -> None:
        async with exchange_of(name) as exchange:
            async with account_at(exchange) as world:
                book = world.book
                since = world.session.clock.now_ns() - 5 * SECOND
                orders = world.session.orders
                if orders is not None:
                    await until(lambda: orders.connection is not None)
                world.session.send([world.new("alp-1", coins=2)])
                await until(lambda: book.state("alp-1") == "ACKED")
                begun = at_the_venue(world)
            sold = iter([6, 6])
            part = (Reader, "account") if when == "the account was read" else (DeadMan, "arm")
            ask = getattr(*part)

            async def traded_at_once(asks: Any) -> Any:
                """What the venue says; and before anybody hears it somebody trades."""
                said = await ask(asks)
                for coins in itertools.islice(sold, 1 if part[0] is Reader else 2):
                    world.sell(1999, coins)
                if part[0] is DeadMan:
                    await until(lambda: book.table.get("alp-1").filled > 0)
                return said

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(*part, traded_at_once)
                async with account_at(exchange, book, since_ns=since) as again:
                    assert held(book.reports[-1], again) == at_the_venue(again) != begun

    run(test())
