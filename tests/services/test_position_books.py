"""What the position server makes of reports, inventories, touches and readings: pure parts."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from account_world import PERP, SECOND, manifest

from alp._core.wire import BboMessage, ExecutionReportMessage, HeaderFields, InventoryMessage
from alp.bus.sources import COMBINED
from alp.ledger.accounts import Account
from alp.ledger.assets import Assets
from alp.ledger.events import Adoption, Event, Fee, Fill, LpLevel, own_proof
from alp.ledger.ledger import Ledger
from alp.services.execution.limits import AccountVenue, account_venues
from alp.services.position.accounts import VenueAccount, assets_of, venue_account
from alp.services.position.chain_leg import ChainLeg
from alp.services.position.drop_copy import DropCopy, DropRules
from alp.services.position.intake import Intake, Marks, Trades
from alp.services.position.keeper import Keeper
from alp.services.position.publishing import Combined
from alp.services.position.venue_reader import Reading

NOW = 1_790_000_000 * SECOND
USDC = 10**12
ETH = 10**12
"""Of the contract; the pool's base has 18 decimals."""


@pytest.fixture
def account() -> VenueAccount:
    strategy = manifest()
    ((index, venue),) = account_venues(strategy, "perp")
    products = [AccountVenue(index, venue, PERP)]
    return venue_account(strategy, venue.account, products, futures=True)


@pytest.fixture
def assets(account: VenueAccount) -> Assets:
    return assets_of(manifest(), [account])


def report(trade_id: str = "7", **more: Any) -> ExecutionReportMessage:
    terms: dict[str, Any] = {
        "client_id": "ours-1", "venue_id": "v1", "trade_id": trade_id, "price": 268_000,
        "quantity": 100, "filled": 100, "last_price": 268_000, "last_quantity": 100, "fee": 0,
        "state": 3, "reason": 0, "side": 1, "liquidity": 1, **more,
    }  # fmt: skip
    return ExecutionReportMessage(HeaderFields(32, 0, 1, NOW, NOW), **terms)


def intake(account: VenueAccount, assets: Assets, begun_ns: int = NOW - SECOND) -> Intake:
    made = Intake(account, assets)
    made.begun_ns = begun_ns
    return made


FEE = {"fee": 1_340_000, "fee_asset": "USDC"}
TELLINGS = {
    "with its fee": [report(**FEE)],
    "and its fee later": [report(), report(last_quantity=0, **FEE)],
    "again with its fee": [report(), report(**FEE), report(**FEE)],
    "the fee first": [report(last_quantity=0, **FEE), report()],
}


@pytest.mark.parametrize("how", TELLINGS)
def test_however_a_trade_is_told_the_same_is_booked(
    account: VenueAccount, assets: Assets, how: str
) -> None:
    reader = intake(account, assets)
    events = [event for each in TELLINGS[how] for event in reader.report(each)]
    fill = next(each for each in events if isinstance(each, Fill))
    fee = next(each for each in events if isinstance(each, Fee))
    assert len(events) == 2
    assert fill.proof.key == "binance-usdm-perp|trade|ETHUSDC|7"
    assert (fill.base_amount, fill.quote_amount) == (ETH // 10, 268 * USDC)
    assert fill.margined
    assert (fee.asset, fee.amount) == ("USDC", 134 * USDC // 10_000)
    (seen,) = reader.stream.seen()
    assert (seen.fee_amount, seen.fee_asset) == (fee.amount, "USDC")


@pytest.mark.parametrize("how", list(itertools.permutations(TELLINGS, 2)))
def test_two_processes_that_tell_it_differently_are_no_conflict(
    account: VenueAccount, assets: Assets, tmp_path: Path, how: tuple[str, str]
) -> None:
    keeper = Keeper(str(tmp_path / "ledger.db"), assets, "test")
    for each in how:
        reader = intake(account, assets)
        applied = keeper.apply([event for one in TELLINGS[each] for event in reader.report(one)])
        assert applied.refused == []
    assert keeper.counts["booked"] == 2
    keeper.close()


def test_what_was_traded_before_the_adoption_is_in_the_balances(
    account: VenueAccount, assets: Assets
) -> None:
    reader = intake(account, assets, begun_ns=NOW + 1)
    assert reader.report(report()) == []
    assert reader.counts["earlier"] == 1


def test_an_order_without_a_trade_and_a_refusal_are_nothing(
    account: VenueAccount, assets: Assets
) -> None:
    reader = intake(account, assets)
    assert reader.report(report(trade_id="")) == []
    assert reader.report(report(refusal=3)) == []
    other = report()._replace(header=HeaderFields(33, 1, 1, NOW, NOW))
    assert reader.report(other) == []


def test_one_event_that_conflicts_does_not_keep_back_the_others(
    account: VenueAccount, assets: Assets, tmp_path: Path
) -> None:
    keeper = Keeper(str(tmp_path / "ledger.db"), assets, "test")
    reader = intake(account, assets)
    keeper.apply(reader.report(report()))
    other = intake(account, assets)
    wrong, good = other.report(report(last_price=268_001)), other.report(report("8"))
    applied = keeper.apply([*wrong, *good])
    assert len(applied.refused) == 1
    assert "binance-usdm-perp|trade|ETHUSDC|7" in applied.refused[0]
    assert keeper.counts["booked"] == 2
    keeper.close()


def test_a_fee_in_a_token_that_the_ledger_has_not_heard_of_is_booked(
    account: VenueAccount, assets: Assets, tmp_path: Path
) -> None:
    keeper = Keeper(str(tmp_path / "ledger.db"), assets, "test")
    applied = keeper.apply(intake(account, assets).report(report(fee=5, fee_asset="BNB")))
    assert applied.refused == []
    assert applied.snapshot.balances[account.account("BNB")] == -5 * 10**4
    keeper.close()


def test_an_asset_is_marked_once_a_second_and_if_it_moved(
    account: VenueAccount, assets: Assets
) -> None:
    marks = Marks([account], [0], assets, {"WETH", "ETH"})

    def touch(bid: int, at_ns: int, quantity: int = 1) -> set[str]:
        header = HeaderFields(1, 0, 1, at_ns, at_ns)
        told = marks.bbo(BboMessage(header, bid, quantity, bid + 10, 1), at_ns)
        return {each.asset for each in told}

    contract = account.products[0].market.base.name
    assert touch(268_000, NOW) == {"WETH", "ETH", contract}
    assert touch(268_100, NOW + SECOND // 2) == set()
    assert touch(268_100, NOW + SECOND, quantity=0) == set()
    assert touch(268_000, NOW + SECOND) == set()
    assert touch(268_100, NOW + 2 * SECOND) == {"WETH", "ETH", contract}


def inventory(base: int, quote: int, block: int = 5) -> InventoryMessage:
    return InventoryMessage(HeaderFields(4, 0, 1, NOW, NOW), base, quote, 0, block, 1)


def test_the_pools_leg_is_adopted_once_and_brought_to_what_is_told(
    account: VenueAccount, assets: Assets, tmp_path: Path
) -> None:
    leg = ChainLeg("ethereum:test", manifest().pair(), assets)
    ledger = Ledger(str(tmp_path / "ledger.db"), assets)

    def follow(message: InventoryMessage) -> list[Event]:
        leg.heard(message)
        seen = ledger.snapshot()
        events = leg.events(seen.balances, seen.last_entries)
        ledger.apply(events)
        leg.begun = True
        assert leg.events(ledger.snapshot().balances, ledger.snapshot().last_entries) == []
        assert all(ledger.snapshot().balances[k] == v for k, v in leg.amounts().items())
        return events

    assert {type(each) for each in follow(inventory(10**18, 2500 * 10**6))} == {Adoption}
    (level,) = follow(inventory(9 * 10**17, 2800 * 10**6, 6))
    assert isinstance(level, LpLevel)
    # A block is taken back and comes again: the same level is a further event.
    (back,) = follow(inventory(10**18, 2500 * 10**6))
    (again,) = follow(inventory(9 * 10**17, 2800 * 10**6, 6))
    assert len({level.proof.key, back.proof.key, again.proof.key}) == 3
    ledger.close()


def test_everything_together_is_told_in_the_pools_units(
    account: VenueAccount, assets: Assets, tmp_path: Path
) -> None:
    leg = ChainLeg("ethereum:test", manifest().pair(), assets)
    leg.heard(inventory(10**18, 2500 * 10**6)._replace(delta=3 * 10**17))
    ledger = Ledger(str(tmp_path / "ledger.db"), assets)
    start = Adoption(own_proof("test", "1"), NOW, account.place, "USDC", 1000 * USDC)
    ledger.apply([start, *intake(account, assets).report(report(side=-1))])
    told = list(Combined([account], manifest().pair(), leg).messages(ledger.snapshot()))
    combined = told[-1]
    assert isinstance(combined, InventoryMessage)
    assert combined.header.instrument == COMBINED
    assert combined.base == 9 * 10**17
    assert combined.quote == (2500 + 1000 + 268) * 10**6
    assert combined.delta == 2 * 10**17
    ledger.close()


class Copy:
    """A drop copy after one trade of a tenth of a contract, and readings for it."""

    def __init__(self, account: VenueAccount, assets: Assets, folder: Path) -> None:
        self.account, self.assets = account, assets
        self.keeper = Keeper(str(folder / "ledger.db"), assets, "test")
        self.reader = intake(account, assets)
        start = Adoption(own_proof("test", "1"), NOW, account.place, "USDC", 1000 * USDC)
        self.events = self.reader.report(report())
        self.snapshot = self.keeper.apply([start, *self.events]).snapshot
        self.drop = DropCopy(account, assets, DropRules())

    def reading(
        self, cash: int = 1000 * USDC, lots: int = 100, entry: int = 268 * USDC, **more: Any
    ) -> Reading:
        listed = Trades()
        listed.add(self.events)
        contract = self.account.products[0].market.base.name
        amounts = {
            self.account.account("USDC"): cash,
            self.account.account(contract): lots * ETH // 1000,
        }
        tick = USDC // 100 // 1000 * lots
        made = Reading(
            amounts, {"USDC": entry}, {"USDC": tick}, self.events, listed, NOW - SECOND,
            NOW + 100 * SECOND, at_rest=True,
        )  # fmt: skip
        return made._replace(**more)

    def compare(self, reading: Reading) -> tuple[list[Event], list[str]]:
        ledger = self.keeper.trades(self.account.name, reading.since_ns)
        found = self.drop.compare(
            reading, ledger, self.reader.stream, reading.since_ns, self.snapshot
        )
        return found.events, [str(each.found) for each in found.differences]


@pytest.fixture
def copy(account: VenueAccount, assets: Assets, tmp_path: Path) -> Copy:
    return Copy(account, assets, tmp_path)


def test_what_agrees_has_no_difference(copy: Copy) -> None:
    assert copy.compare(copy.reading()) == ([], [])


def test_what_was_settled_is_booked_and_what_is_missing_beside_it_is_a_difference(
    copy: Copy,
) -> None:
    # The venue closed it at 269.5: what was on the margin and what it got make up the change.
    sold = copy.reader.report(report("8", side=-1, last_price=269_500))
    copy.snapshot = copy.keeper.apply(sold).snapshot
    copy.events = [*copy.events, *sold]
    won = 15 * USDC // 10
    events, found = copy.compare(copy.reading(1000 * USDC + won, 0, 0))
    assert [type(each).__name__ for each in events] == ["Settlement"]
    assert found == []
    events, found = copy.compare(copy.reading(1000 * USDC + won - USDC // 10**6, 0, 0))
    assert events == []
    assert found == ["BALANCE"]


def test_a_trade_that_the_venue_does_not_list_is_named(copy: Copy) -> None:
    _, found = copy.compare(copy.reading(trades=Trades()))
    assert found == ["NOT_LISTED"]
    _, found = copy.compare(copy.reading(trades=Trades(), until_ns=NOW + SECOND))
    assert found == ["UNDERWAY"]


def test_a_difference_counts_when_the_next_reading_has_it_too(copy: Copy) -> None:
    found = copy.drop.compare(
        copy.reading(lots=101), Trades(), Trades(), NOW, copy.snapshot
    ).differences
    assert copy.drop.judge(found)
    assert copy.drop.confirmed == ()
    assert copy.drop.judge(found)
    assert copy.drop.confirmed
    assert not copy.drop.judge(())
    assert copy.drop.confirmed == ()
    assert copy.drop.judge(found)
    assert copy.drop.confirmed == ()


def test_a_balance_that_differs_by_something_else_each_time_counts_in_the_end(copy: Copy) -> None:
    contract = Account(*copy.account.place, copy.account.products[0].market.base.name)
    for number in range(4):
        assert not copy.drop.confirmed
        _, _ = copy.compare(copy.reading())
        reading = copy.reading(lots=101 + number)
        ledger = copy.keeper.trades(copy.account.name, reading.since_ns)
        copy.drop.judge(
            copy.drop.compare(
                reading, ledger, copy.reader.stream, NOW - SECOND, copy.snapshot
            ).differences
        )
    assert [each.subject for each in copy.drop.confirmed] == [str(contract)]


def test_what_was_booked_long_ago_is_not_read_again(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, name = copy.keeper, copy.account.name
    monkeypatch.setattr("time.time_ns", lambda: NOW)
    assert len(keeper.trades(name, NOW - SECOND)) == 1
    later = NOW + 3600 * SECOND
    monkeypatch.setattr("time.time_ns", lambda: later)
    late = report("9")._replace(header=HeaderFields(32, 0, 2, later, later))
    copy.keeper.apply(copy.reader.report(late))
    assert len(keeper.trades(name, NOW - SECOND)) == 2
    copy.keeper.apply(copy.reader.report(report("10")))  # told late, of long ago
    proofs = {each.proof.rpartition("|")[2] for each in keeper.trades(name, later).seen()}
    assert proofs == {"9", "10"}
