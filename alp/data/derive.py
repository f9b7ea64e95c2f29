"""A pool's liquidity before a window, out of what happened in the window.

A swap reports the active liquidity L it ended with. What was minted and burned around its tick
since the window's start is known from the window's own events, so L less these changes was the
active liquidity there at the start. The difference between neighbouring buckets of one tick
spacing is the net liquidity of the boundary between them.
"""

from __future__ import annotations

import csv
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from pathlib import Path

from alp.data.liquidity import Bucket
from alp.data.schema import Array, EventKind, unsigned_list
from alp.errors import DataError


def derive_liquidity(events: Iterable[Array], tick_spacing: int) -> list[Bucket]:
    """Return the liquidity at the start of the events, over the range their swaps ended in.

    Parameters
    ----------
    events
        All events of one pool over a window, as ``POOL_EVENT`` arrays in order.
    tick_spacing
        The pool's tick spacing; a bucket is as wide.

    Returns
    -------
    list of Bucket
        From the lowest to the highest bucket seen, without holes; `liquidity` is None for a
        bucket in between in which no swap ended.

    Raises
    ------
    DataError
        If two swaps contradict each other, which they do when events are missing, or if there
        are no swaps.
    """
    found: dict[int, tuple[int, int]] = {}
    changes = Changes()
    for batch in events:
        for kind, tick, lower, upper, amount, block, log in zip(
            *(batch[name].tolist() for name in ("kind", "tick", "tick_lower", "tick_upper")),
            unsigned_list(batch["liquidity"]),
            *(batch[name].tolist() for name in ("block", "log_index")),
            strict=True,
        ):
            if kind == EventKind.MINT:
                changes.add(lower, upper, amount)
            elif kind == EventKind.BURN:
                changes.add(lower, upper, -amount)
            elif kind == EventKind.SWAP:
                bucket = tick - tick % tick_spacing
                liquidity = amount - changes.at(tick)
                before, count = found.get(bucket, (liquidity, 0))
                if before != liquidity or liquidity < 0:
                    raise _contradiction(bucket, block, log, before, liquidity)
                found[bucket] = (liquidity, count + 1)
    if not found:
        raise DataError(
            "no swaps to derive liquidity from", hint="give the pool's events, swaps included"
        )
    return [
        Bucket(tick, tick + tick_spacing, *found.get(tick, (None, 0)))
        for tick in range(min(found), max(found) + tick_spacing, tick_spacing)
    ]


def write_buckets(path: Path, buckets: Sequence[Bucket]) -> None:
    """Write buckets as CSV; `open_source` reads it as liquidity."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("tick_lower", "tick_upper", "liquidity_at_window_open", "observations"))
        for bucket in buckets:
            known = "" if bucket.liquidity is None else bucket.liquidity
            writer.writerow((bucket.tick_lower, bucket.tick_upper, known, bucket.observations))


class Changes:
    """Liquidity minted less burned since the start, and its sum at a tick that moves about."""

    def __init__(self) -> None:
        self._ticks: list[int] = []
        self.net: dict[int, int] = {}
        self._tick = 0
        self._sum = 0

    def add(self, lower: int, upper: int, amount: int) -> None:
        """Add `amount` between two ticks."""
        for tick, change in ((lower, amount), (upper, -amount)):
            if tick not in self.net:
                self.net[tick] = 0
                insort(self._ticks, tick)
            self.net[tick] += change
        if lower <= self._tick < upper:
            self._sum += amount

    def at(self, tick: int) -> int:
        """Return the sum of all changes that cover `tick`."""
        before, after = bisect_right(self._ticks, self._tick), bisect_right(self._ticks, tick)
        if after > before:
            self._sum += sum(self.net[each] for each in self._ticks[before:after])
        else:
            self._sum -= sum(self.net[each] for each in self._ticks[after:before])
        self._tick = tick
        return self._sum


def _contradiction(bucket: int, block: int, log: int, before: int, now: int) -> DataError:
    return DataError(
        f"block {block}, log {log}: the swap says that tick {bucket} had liquidity {now} at the "
        f"start, others say {before}",
        hint="mints or burns are missing in the file: fetch all events of the pool",
    )
