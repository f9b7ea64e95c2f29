"""The calibration over arrays, as hftbacktest's notebook and alp.models.intensity write it."""

from __future__ import annotations

import math

import numpy as np

NEVER = -1


def depths_and_moves(bids, asks, highest_bought, lowest_sold):
    """Half ticks: how deep each interval's trades reached (nan: none), and how far mids moved."""
    mids = np.asarray(bids) + np.asarray(asks)
    depths = np.full(len(mids), np.nan)
    for at in range(1, len(mids)):
        found = [-math.inf]
        if highest_bought[at] != NEVER:
            found.append(2 * highest_bought[at] - mids[at - 1])
        if lowest_sold[at] != NEVER:
            found.append(mids[at - 1] - 2 * lowest_sold[at])
        depths[at] = max(found)
    moves = np.diff(mids, prepend=np.nan)
    return depths, moves


def notebook_fit(depths, moves, *, most_bins, interval_s):
    """A, k and sigma of a window: bins of half a tick at i + 0.5, a plain line."""
    hits = np.zeros(500)
    deepest = 0
    for depth in depths[np.isfinite(depths)] / 2.0:
        tick = round(depth / 0.5) - 1
        if 0 <= tick < len(hits):
            hits[:tick] += 1
            deepest = max(deepest, tick)
    rates = hits[: min(deepest, most_bins)] / (len(depths) * interval_s)
    slope, offset = np.polyfit(np.arange(len(rates)) + 0.5, np.log(rates), 1)
    sigma = np.nanstd(moves / 2.0) * math.sqrt(1 / interval_s)
    return math.exp(offset), -slope, sigma
