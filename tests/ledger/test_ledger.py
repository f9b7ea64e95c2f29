"""The ledger on both databases: exactly once, all or nothing, and the same after every restart."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_world import ASSETS, ETH, KRAKEN, NOW, USDC, block, fill, history, lp, mark
from sqlalchemy import text

from alp.errors import ConfigError, DataError, RpcError
from alp.ledger.accounts import OWN, Account, Kind
from alp.ledger.adoption import adoptions
from alp.ledger.assets import Asset, Assets
from alp.ledger.database import open_engine
from alp.ledger.events import (
    Event,
    Fill,
    Flow,
    LpLevel,
    LpMint,
    Reorganisation,
    chain_proof,
    venue_proof,
)
from alp.ledger.ledger import ConflictError, Ledger
from alp.ledger.store import FencedError
from alp.ledger.verify import verify

ETH_AT_KRAKEN = Account(Kind.VENUE, "kraken", "ETH")


def whole(place: str) -> int:
    engine = open_engine(place)
    found = verify(engine, place)
    assert found.faults == []
    return found.entries


def test_what_was_applied_is_there_after_a_restart(place: str) -> None:
    with Ledger(place, ASSETS) as ledger:
        deltas = ledger.apply([mark("ETH", "2000"), fill(1, fee="1"), fill(2, -1)])
        assert [(each.sequence, each.kind) for each in deltas] == [
            (1, "mark"),
            (2, "fill"),
            (3, "fill"),
        ]
        assert deltas[2].changes[0] == (ETH_AT_KRAKEN, -ETH.raw("0.5"), 0)
        before = ledger.snapshot()
    with Ledger(place, ASSETS) as ledger:
        assert ledger.snapshot() == before
        ledger.apply([fill(3)])
        assert ledger.snapshot().sequence == 4
    assert whole(place) == 3


def test_a_replay_changes_nothing(place: str) -> None:
    events = list(history(5, 300))
    with Ledger(place, ASSETS) as ledger:
        ledger.load(events, batch=37)
        before = ledger.snapshot()
        proven = [each for each in events if isinstance(each, Event)]
        assert ledger.apply(proven) == []
        assert ledger.apply(reversed(proven)) == []
        assert ledger.counts.duplicate == 2 * len(proven)
        assert ledger.snapshot() == before


def test_deltas_lead_from_one_snapshot_to_the_next(place: str) -> None:
    events = list(history(7, 300))
    with Ledger(place, ASSETS) as ledger:
        ledger.apply(events[:100])
        before = ledger.snapshot()
        balances = {
            account: amount for account, amount in before.balances.items() if account.kind in OWN
        }
        deltas = ledger.apply(events[100:])
        after = ledger.snapshot()
    assert [each.sequence for each in deltas] == list(
        range(before.sequence + 1, after.sequence + 1)
    )
    for delta in deltas:
        for account, amount, balance in delta.changes:
            balances[account] = balances.get(account, 0) + amount
            assert balances[account] == balance
    assert {account: amount for account, amount in balances.items() if amount} == {
        account: amount for account, amount in after.balances.items() if account.kind in OWN
    }


def test_batches_of_any_size_lead_to_the_same(place: str, tmp_path: Path) -> None:
    events = list(history(6, 200))
    with Ledger(place, ASSETS) as one, Ledger(str(tmp_path / "other.db"), ASSETS) as other:
        one.load(events, batch=1_000)
        other.load([*events[:90], *(each for each in events[40:] if isinstance(each, Event))], 7)
        assert one.snapshot().balances == other.snapshot().balances


def test_one_proof_with_two_contents_is_told_with_both_and_nothing_is_booked(place: str) -> None:
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([fill(1, 1, "0.5", "1000")])
        with pytest.raises(ConflictError) as caught:
            ledger.apply([fill(2), fill(1, 1, "0.5", "1001")])
        told = str(caught.value)
        assert "kraken|trade||1 is booked as entry 1" in told
        assert str(USDC.raw("1000")) in told
        assert str(USDC.raw("1001")) in told
        with pytest.raises(ConflictError):
            ledger.apply([fill(3, 1), fill(3, -1)])
        assert ledger.snapshot().sequence == 1
        assert ledger.snapshot().balances[ETH_AT_KRAKEN] == ETH.raw("0.5")
        ledger.apply([fill(2)])
        assert ledger.snapshot().sequence == 2
    assert whole(place) == 2


def test_another_time_of_the_same_trade_is_no_conflict(place: str) -> None:
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([fill(1)])
        ledger.apply([replace(fill(1), at_ns=NOW + 999)])
        assert ledger.counts.duplicate == 1


def test_an_unknown_asset_is_refused_with_what_is_known(place: str) -> None:
    flow = Flow(venue_proof("kraken", "ledger", "1"), NOW, KRAKEN, "DOGE", 5)
    with Ledger(place, ASSETS) as ledger, pytest.raises(DataError, match="no asset 'DOGE'"):
        ledger.apply([flow])
    with Ledger(place, Assets(USDC, (Asset("DOGE"),))) as ledger:
        ledger.apply([flow])
        assert set(ledger.assets) == {*ASSETS, "DOGE"}


def test_a_unit_never_changes(place: str) -> None:
    Ledger(place, ASSETS).close()
    with pytest.raises(ConfigError, match="ETH has 18 and 12 decimals"):
        Ledger(place, Assets(USDC, (Asset("ETH", 12),)))
    with pytest.raises(ConfigError, match="values are in USDC, not in ETH"):
        Ledger(place, Assets(ETH))


def test_the_second_writer_fences_the_first(place: str) -> None:
    first = Ledger(place, ASSETS, holder="first")
    first.apply([fill(1)])
    second = Ledger(place, ASSETS, holder="pod second")
    assert second.epoch == first.epoch + 1
    with pytest.raises(FencedError, match="taken over: epoch 2 by pod second, ours was 1"):
        first.apply([fill(2)])
    second.apply([fill(2), fill(3)])
    with pytest.raises(FencedError):
        first.snapshot()
    second.close()
    first.close()
    assert whole(place) == 3


def test_a_large_amount_is_kept_to_the_last_unit(place: str) -> None:
    most = 10**38 - 1
    flow = Flow(venue_proof("kraken", "ledger", "1"), NOW, KRAKEN, "ETH", most)
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([flow, mark("ETH", "123456.789")])
    assert whole(place) == 1
    engine = open_engine(place)
    with engine.connect() as connection:
        types = connection.execute(text("SELECT amount FROM postings")).scalars().all()
    assert {abs(int(each)) for each in types} == {most}
    assert not any(isinstance(each, float) for each in types)


def test_blocks_that_are_no_longer_canonical_are_reversed_by_entries(place: str) -> None:
    old, new = block(8), block(9)
    mint = LpMint(chain_proof(1, old, 4), NOW, *lp(1), 100, 200)
    level = LpLevel(chain_proof(1, old, 5), NOW, *lp(1), 90, 220, 1, 2)
    again = LpMint(chain_proof(1, new, 0), NOW, *lp(1), 101, 199)
    with Ledger(place, ASSETS) as ledger:
        ledger.apply([fill(1)])
        before = ledger.snapshot().balances
        ledger.apply([mint, level])
        deltas = ledger.apply([Reorganisation(1, NOW, orphaned=(old,)), mint, again])
        assert [(each.kind, each.reverses) for each in deltas] == [
            ("reversal", 3),
            ("reversal", 2),
            ("lp_mint", None),
        ]
        assert ledger.counts.orphaned == 1
        # told twice, and of the other chain: nothing happens
        assert ledger.apply([Reorganisation(1, NOW, orphaned=(old,))]) == []
        deltas = ledger.apply(
            [Reorganisation(1, NOW, orphaned=(new,), canonical=(old,)), mint, level]
        )
        assert [each.kind for each in deltas] == ["reversal", "lp_mint", "lp_level"]
        ledger.apply([mint, level])
        ledger.apply([Reorganisation(1, NOW, orphaned=(old,))])
        assert ledger.snapshot().balances == before
    with Ledger(place, ASSETS) as ledger:
        assert ledger.apply([mint]) == []
    # fill, mint, level and their reversals, the other mint and its, and both again with theirs
    assert whole(place) == 1 + 4 + 2 + 4


def test_a_reorganisation_reverses_what_came_in_the_same_call(place: str) -> None:
    mint = LpMint(chain_proof(1, block(8), 4), NOW, *lp(1), 100, 200)
    with Ledger(place, ASSETS) as ledger:
        deltas = ledger.apply([mint, Reorganisation(1, NOW, orphaned=(block(8),)), mint])
        assert [each.kind for each in deltas] == ["lp_mint", "reversal"]
        assert ledger.snapshot().balances == {}


def test_the_memory_of_a_rebuild_is_that_of_a_batch(tmp_path: Path) -> None:
    def fills_of(count: int) -> Iterator[Fill]:
        for number in range(count):
            if number % 125 == 0:
                gc.collect()  # when cycles are collected differs between Pythons
            yield fill(number, 1 if number % 3 else -1)

    peaks = []
    for number, fills in enumerate((500, 2_500)):
        with Ledger(str(tmp_path / f"{number}.db"), ASSETS) as ledger:
            tracemalloc.start()
            ledger.load(fills_of(fills), batch=125)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert ledger.counts.booked == fills
    assert peaks[1] < 1.2 * peaks[0]


def test_it_is_rebuilt_from_what_venue_and_chain_still_say(place: str, tmp_path: Path) -> None:
    events = [mark("ETH", "2000"), *(fill(n, 1 if n % 3 else -1) for n in range(1, 40))]
    with Ledger(place, ASSETS) as ledger:
        ledger.apply(events)
        actual = {
            account: amount
            for account, amount in ledger.snapshot().balances.items()
            if account.kind == Kind.VENUE
        }
    with Ledger(str(tmp_path / "again.db"), ASSETS) as again:
        again.apply([events[0], *events[30:]])
        found = adoptions(actual, again.snapshot().balances, NOW)
        again.apply(found)
        again.apply(found)
        seen = again.snapshot()
        assert adoptions(actual, seen.balances, NOW) == []
        assert {name: seen.balances[name] for name in actual} == actual
        (eth,) = [each for each in seen.holdings if each.asset == "ETH"]
        assert not eth.basis_known
        assert seen.profit_x96 == again.books.valuation.earned["trading"]


def test_a_failed_database_is_told_and_what_was_lost_is_applied_again(postgres_server) -> None:
    place = postgres_server.new_database()
    ledger = Ledger(place, ASSETS)
    ledger.apply([fill(1)])
    postgres_server.crash()
    with pytest.raises(RpcError) as caught:
        ledger.apply([fill(1), fill(2)])
    assert "kept-0ut" not in str(caught.value)
    postgres_server.start()
    ledger.apply([fill(1), fill(2)])
    assert ledger.counts.booked == 2
    assert ledger.counts.duplicate == 1
    ledger.close()
    assert whole(place) == 2
