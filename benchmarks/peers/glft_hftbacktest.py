"""A GLFT maker on hftbacktest, as its notebook describes it; prints one JSON line.

Every 100 ms one quote a side; A, k and sigma anew every 5 s from the last 10 min. The lot is a
thousandth of the order, the tick a hundredth of the price's unit.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np
from hftbacktest import BUY, BUY_EVENT, GTX, LIMIT, BacktestAsset, ROIVectorMarketDepthBacktest
from numba import njit

STEP = 100_000_000
WINDOW = 6_000
EVERY = 50
BINS = 70
GAMMA = 0.05
SKEW = 0.05
MOST = 20.0


@njit
def fit(depths, moves):
    """A, k and sigma of a window; NaN where there are too few depths."""
    hits = np.zeros(500)
    deepest = 0
    for depth in depths:
        if np.isfinite(depth):
            place = round(depth / 0.5) - 1
            if 0 <= place < len(hits):
                hits[:place] += 1
                deepest = max(deepest, place)
    sigma = np.nanstd(moves) * math.sqrt(10)
    if deepest < 3:
        return np.nan, np.nan, sigma
    count = min(deepest, BINS)
    x = np.arange(count) + 0.5
    y = np.log(hits[:count] / (WINDOW / 10))
    slope = (count * np.sum(x * y) - np.sum(x) * np.sum(y)) / (
        count * np.sum(x * x) - np.sum(x) ** 2
    )
    return math.exp((np.sum(y) - slope * np.sum(x)) / count), -slope, sigma


@njit
def play(market, tick, steps):
    """Quote to the end of the data; orders sent and canceled."""
    depths = np.full(steps, np.nan)
    moves = np.full(steps, np.nan)
    mid = scale = decay = sigma = np.nan
    at = sent = canceled = 0
    while at < steps and market.elapse(STEP) == 0:
        if not np.isnan(mid):
            reach = -np.inf
            for trade in market.last_trades(0):
                price = trade.px / tick
                bought = trade.ev & BUY_EVENT == BUY_EVENT
                reach = max(reach, price - mid if bought else mid - price)
            depths[at] = reach
        market.clear_last_trades(0)
        market.clear_inactive_orders(0)
        book = market.depth(0)
        held = market.position(0)
        orders = market.orders(0)
        before = mid
        mid = (book.best_bid_tick + book.best_ask_tick) / 2.0
        moves[at] = mid - before
        if at % EVERY == 0 and at >= WINDOW - 1:
            a, k, sigma = fit(depths[at + 1 - WINDOW : at + 1], moves[at + 1 - WINDOW : at + 1])
            if not np.isnan(a):
                scale, decay = a, k
        ratio = 1 + GAMMA / decay
        skew = sigma * math.sqrt(GAMMA / (2 * scale * decay) * ratio ** (decay / GAMMA + 1))
        half = math.log(ratio) / GAMMA + skew / 2
        centre = mid - skew * SKEW * held
        bid = np.minimum(np.round(centre - half), book.best_bid_tick)
        ask = np.maximum(np.round(centre + half), book.best_ask_tick)
        values = orders.values()
        while values.has_next():
            order = values.get()
            if order.cancellable and order.price_tick != (bid if order.side == BUY else ask):
                market.cancel(0, order.order_id, False)
                canceled += 1
        if held < MOST and np.isfinite(bid) and round(bid) not in orders:
            market.submit_buy_order(0, round(bid), bid * tick, 1.0, GTX, LIMIT, False)
            sent += 1
        if held > -MOST and np.isfinite(ask) and round(ask) not in orders:
            market.submit_sell_order(0, round(ask), ask * tick, 1.0, GTX, LIMIT, False)
            sent += 1
        at += 1
    return at, sent, canceled


def main() -> None:
    """Usage: glft_hftbacktest.py EVENTS.npz TICK STEPS REPEATS."""
    tick = float(sys.argv[2])
    events = np.load(sys.argv[1])["data"]
    highest = float(events["px"].max()) + 1.0
    spent = []
    for _ in range(int(sys.argv[4]) + 1):
        asset = (
            BacktestAsset()
            .data([events])
            .linear_asset(1.0)
            .constant_order_latency(10_000_000, 10_000_000)
            .power_prob_queue_model(2.0)
            .no_partial_fill_exchange()
            .trading_value_fee_model(-0.00005, 0.0007)
            .tick_size(tick)
            .lot_size(0.001)
            .last_trades_capacity(10_000)
            .roi_lb(0.0)
            .roi_ub(highest)
        )
        market = ROIVectorMarketDepthBacktest([asset])
        start = time.process_time()
        steps, sent, canceled = play(market, tick, int(sys.argv[3]))
        spent.append(time.process_time() - start)
        state = market.state_values(0)
        result = {
            "sent": int(sent),
            "canceled": int(canceled),
            "fills": int(state.num_trades),
            "position": float(state.position),
            "balance": round(float(state.balance), 6),
        }
        market.close()
    # The first run compiles.
    print(json.dumps({"first_s": spent[0], "cpu_s": spent[1:], "steps": int(steps), **result}))


main()
