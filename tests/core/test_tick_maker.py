"""The maker's loop on replayed ticks: the same orders as the loop written out in Python."""

from __future__ import annotations

import numpy as np
import pytest
from maker_cases import rule
from tick_cases import level, tape, trade

from alp._core.arrivals import ArrivalEstimator
from alp._core.maker import MakerModel, MarketMaker, Touch
from alp._core.matching import QueueModel
from alp._core.tick_maker import TickMarketMaker
from alp._core.tick_replay import OrderPhase, TickReplay

MS = 1_000_000
STEP = 100 * MS
LATENCY = 10 * MS
START = 1_700_000_000 * 10**9
ROOM = 1 << 40
CALIBRATION = {"window": 100, "refit_every": 10, "least_arrivals": 20, "least_hits": 3}


def walk(steps: int, seed: int) -> np.ndarray:
    """A book of five levels a side that walks, and trades that reach into it."""
    random = np.random.default_rng(seed)
    rows = []
    shown: dict[tuple[bool, int], int] = {}
    mid, now = 5_000, START
    for _ in range(steps):
        now += int(random.integers(5, 40)) * MS
        received = now + 2 * MS
        mid += int(random.integers(-1, 2))
        wanted = {}
        for depth in range(5):
            wanted[True, mid - 1 - depth] = int(random.integers(5, 60))
            wanted[False, mid + 1 + depth] = int(random.integers(5, 60))
        rows += [level(now, *place, 0, received) for place in shown if place not in wanted]
        rows += [level(now, *place, lots, received) for place, lots in wanted.items()]
        shown = wanted
        if random.random() < 0.5:
            bought = bool(random.random() < 0.5)
            reach = int(random.exponential(2.5)) + 1
            rows.append(trade(now, bought, mid + reach if bought else mid - reach, 40, received))
    return tape(*rows)


def replayed(rows: np.ndarray) -> TickReplay:
    return TickReplay(rows, model=QueueModel.POWER, exponent=2, entry_ns=LATENCY, answer_ns=LATENCY)


def look(arrivals, replay, book_ns):
    """The inputs of a decision, as whoever drives the maker gathers them."""
    bid, bid_lots, ask, ask_lots = replay.touch or (0, 0, 0, 0)
    _, _, _, highest, lowest = replay.traded
    arrivals.sample(replay.now_ns, bid, ask, highest, lowest)
    fit = arrivals.calibration
    return {
        "now_ns": replay.now_ns,
        "stamp_ns": [book_ns, replay.now_ns, replay.now_ns, fit.fitted_ns, replay.now_ns],
        "bid": bid,
        "bid_lots": bid_lots,
        "ask": ask,
        "ask_lots": ask_lots,
        "inventory": replay.position,
        "room": [ROOM, ROOM],
        "scale": fit.scale,
        "decay": fit.decay,
        "sigma": fit.sigma,
        "drift": fit.drift,
        "widen": 1.0,
        "allowed": [True, True],
        "suspended": False,
    }


def driven(rows, chosen, *, stands):
    """The loop in Python; every order sent, and the replay at its end."""
    replay, maker = replayed(rows), MarketMaker(chosen)
    arrivals = ArrivalEstimator(**CALIBRATION)
    sent = []
    while replay.advance(STEP):
        known = rows["local_ns"][rows["local_ns"] <= replay.now_ns]
        view = maker.decide(look(arrivals, replay, int(known[-1]) if len(known) else 0))
        replay.look_away()
        replay.sweep()
        orders = replay.orders()
        resting = {order.price for order in orders}
        for order in orders:
            ladder = view.bids if order.bid else view.asks
            stays = order.price in {quote.price for quote in ladder} or (
                stands and order.price == view.best[0 if order.bid else 1]
            )
            if order.phase is OrderPhase.LIVE and not order.canceling and not stays:
                replay.cancel(order.place)
        for bid, ladder in ((True, view.bids), (False, view.asks)):
            for quote in ladder:
                if quote.price not in resting:
                    replay.send(bid, quote.price, quote.lots)
                    resting.add(quote.price)
                    sent.append((replay.now_ns, bid, *quote))
    return replay, sent


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stands", [False, True])
@pytest.mark.parametrize(
    "chosen",
    [
        rule(level_lots=[6], most_inventory=18, order_lots=6, touch=Touch.JOIN),
        rule(
            model=MakerModel.GLFT_TABLE,
            level_lots=[4, 8, 8],
            most_inventory=40,
            order_lots=4,
            step=2,
            asymmetry_ppm=500_000,
            price_hysteresis=1,
            inventory_hysteresis=4,
        ),
    ],
    ids=["one level", "ladder"],
)
def test_the_compiled_loop_sends_what_the_written_one_does(seed, stands, chosen):
    rows = walk(3_000, seed)
    python, sent = driven(rows, chosen, stands=stands)
    replay = replayed(rows)
    compiled = TickMarketMaker(MarketMaker(chosen), ArrivalEstimator(**CALIBRATION), stands=stands)
    compiled.run(replay, STEP)
    assert replay.counts == python.counts
    assert replay.counts[0] == len(sent) > 100
    assert replay.counts[3] > 20
    assert (replay.position, replay.cash, replay.turnover) == (
        python.position,
        python.cash,
        python.turnover,
    )
    np.testing.assert_array_equal(replay.fills()["at_ns"], python.fills()["at_ns"])
    decisions, quoted = compiled.decisions
    assert 0 < quoted < decisions


def test_without_a_fit_nothing_is_sent():
    replay = replayed(walk(100, 1))
    maker = TickMarketMaker(MarketMaker(rule()), ArrivalEstimator())
    maker.run(replay, STEP)
    assert replay.counts == (0, 0, 0, 0)
    assert maker.decisions[1] == 0


def test_a_given_intensity_needs_nothing_but_sigma():
    replay = replayed(walk(600, 1))
    arrivals = ArrivalEstimator(**{**CALIBRATION, "least_arrivals": 10**6})
    TickMarketMaker(MarketMaker(rule()), arrivals, scale=1.0, decay=0.5).run(replay, STEP)
    assert not arrivals.ready
    assert replay.counts[0] > 0


def test_half_an_intensity_is_none():
    with pytest.raises(ValueError, match="given together"):
        TickMarketMaker(MarketMaker(rule()), ArrivalEstimator(), scale=1.0)


def test_a_step_takes_time():
    maker = TickMarketMaker(MarketMaker(rule()), ArrivalEstimator())
    with pytest.raises(ValueError, match="takes time"):
        maker.run(replayed(walk(10, 1)), 0)
