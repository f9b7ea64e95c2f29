"""How much hedge the venues can still take, and that nobody counts on the same part twice.

The liquidity agent may open ranges only as large as the venues can hedge over a planned move, and
a quote may rest only where there is room to hedge its fill. Room is what limits, balances or
margin allow beyond the position, with open orders and those of unknown fate at their worst; it is
told as an absolute number each time, so a missed message corrects itself with the next.

All amounts are raw base, not negative, in the direction the hedge would trade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from alp.errors import ConfigError
from alp.models.hedge_band import OrderSizes
from alp.models.lp_greeks import Need

_PIPS = 1_000_000
NOTHING = Need(0, 0)


def spot_room(free_base: int, free_quote: int, price_x96: int, fee_ppm: int = 0) -> Need:
    """Return what a spot account can buy with its quote, fee included, and sell of its base.

    Parameters
    ----------
    free_base, free_quote
        Raw amounts that no open order holds.
    price_x96
        Raw quote per raw base times ``2**96``, at the worst price that the hedge would pay.
    fee_ppm
        Fee on top of what is bought, in millionths.
    """
    cost = price_x96 * (_PIPS + max(0, fee_ppm))
    return Need(buy=(max(0, free_quote) << 96) * _PIPS // cost, sell=max(0, free_base))


def margin_room(position: int, equity_quote: int, price_x96: int, leverage_ppm: int) -> Need:
    """Return what a margin account can add on either side before its leverage is used up.

    Parameters
    ----------
    position
        Raw base, signed.
    equity_quote
        Raw quote of the account at the mark.
    leverage_ppm
        Greatest notional over equity that is allowed, in millionths.
    """
    most = (max(0, equity_quote) << 96) * leverage_ppm // (_PIPS * price_x96)
    return within(position, most)


def within(position: int, most: int) -> Need:
    """Return what may be traded so that the position stays within ``-most..most``."""
    return Need(buy=max(0, most - position), sell=max(0, most + position))


def least(*rooms: Need) -> Need:
    """Return what all of several rooms allow."""
    return Need(min(each.buy for each in rooms), min(each.sell for each in rooms))


def total(rooms: Sequence[Need]) -> Need:
    """Return what several venues allow together."""
    return Need(sum(each.buy for each in rooms), sum(each.sell for each in rooms))


@dataclass(frozen=True, slots=True)
class VenueRoom:
    """One venue's part in an allocation.

    Parameters
    ----------
    name
        Of the venue.
    sizes
        What orders it takes.
    room
        What it can still trade.
    share_ppm
        Its part of the hedge, in millionths.
    """

    name: str
    sizes: OrderSizes
    room: Need
    share_ppm: int = _PIPS

    def __post_init__(self) -> None:
        if not 0 <= self.share_ppm <= _PIPS:
            raise ConfigError(f"venue {self.name}: a share of {self.share_ppm} ppm is not in 0..1")


class Allocation(NamedTuple):
    """Orders by venue, and what no venue takes; together they are what was wanted.

    Attributes
    ----------
    lots
        Signed lots of each venue, in the order asked; positive to buy.
    residual_raw
        Wanted and not placed, signed: carried.
    """

    lots: tuple[int, ...]
    residual_raw: int


def allocate(wanted_raw: int, venues: Sequence[VenueRoom]) -> Allocation:
    """Divide a hedge among venues: by share first, then the rest to who has room left.

    A part too small for its venue's smallest order goes to the others, so a small hedge is placed
    as one order where its parts would all be too small.

    Parameters
    ----------
    wanted_raw
        Raw base to trade, positive to buy.
    """
    buying = wanted_raw > 0
    wanted = abs(wanted_raw)
    rooms = [venue.room.buy if buying else venue.room.sell for venue in venues]
    shares = sum(venue.share_ppm for venue in venues)
    lots = [
        venue.sizes.fit(min(room, wanted * venue.share_ppm // shares)) if shares else 0
        for venue, room in zip(venues, rooms, strict=True)
    ]
    left = wanted - sum(
        count * venue.sizes.lot_raw for count, venue in zip(lots, venues, strict=True)
    )
    for i in sorted(range(len(venues)), key=lambda i: -venues[i].share_ppm):
        sizes = venues[i].sizes
        more = sizes.fit(min(rooms[i], lots[i] * sizes.lot_raw + left)) - lots[i]
        if venues[i].share_ppm and more > 0:
            lots[i] += more
            left -= more * sizes.lot_raw
    sign = 1 if buying else -1
    return Allocation(tuple(sign * count for count in lots), sign * left)


class Reservation(NamedTuple):
    """Whether the venues can hedge what a plan may bring.

    Attributes
    ----------
    need
        What would have to be traded at the ends of the move, the inventory at hand included.
    room
        What can be.
    liquidity_ppm
        The part of the plan's liquidity that can be hedged, in millionths; all of it is a million.
    """

    need: Need
    room: Need
    liquidity_ppm: int

    @property
    def granted(self) -> bool:
        """Whether the whole plan may be done."""
        return self.liquidity_ppm == _PIPS


def reserve(plan: Need, room: Need, *, combined_raw: int = 0, ratio: float = 1.0) -> Reservation:
    """Return how much of a plan's liquidity the venues can hedge.

    Base held is proportional to liquidity, so the part that fits is exact.

    Parameters
    ----------
    plan
        What the planned ranges make the hedge buy or sell over the move: `LpLeg.need`.
    combined_raw
        Combined inventory before the plan; it takes its side's room first.
    ratio
        ``h``, taken in millionths as `hedged_inventory` does.
    """
    h = round(ratio * _PIPS)
    buy, sell = (plan.buy, plan.sell) if h >= 0 else (plan.sell, plan.buy)
    buy, sell = -(-buy * abs(h) // _PIPS), -(-sell * abs(h) // _PIPS)
    need = Need(buy=max(0, buy - combined_raw), sell=max(0, sell + combined_raw))
    part = min(
        _part(room.buy + combined_raw, buy, here=max(0, -combined_raw), room=room.buy),
        _part(room.sell - combined_raw, sell, here=max(0, combined_raw), room=room.sell),
    )
    return Reservation(need, room, part)


def _part(free: int, wanted: int, *, here: int, room: int) -> int:
    """Return the part of `wanted` that fits what is free, in millionths."""
    if here > room:
        return 0  # what is there already cannot be hedged: nothing may be added to either side
    return _PIPS if wanted <= free else max(0, free) * _PIPS // wanted


class CapacityBook:
    """Claims on one room: what is granted to one is not granted to another.

    Parameters
    ----------
    room
        What all venues can trade together; nothing until it is told.
    """

    def __init__(self, room: Need = NOTHING) -> None:
        self.room = room
        self._claims: dict[str, Need] = {}

    @property
    def claimed(self) -> Need:
        """All claims together."""
        return total(list(self._claims.values()))

    @property
    def free(self) -> Need:
        """What can still be granted."""
        claimed = self.claimed
        return Need(max(0, self.room.buy - claimed.buy), max(0, self.room.sell - claimed.sell))

    @property
    def short(self) -> Need:
        """What was granted and is no longer covered, because the room became smaller."""
        claimed = self.claimed
        return Need(max(0, claimed.buy - self.room.buy), max(0, claimed.sell - self.room.sell))

    def claim(self, key: str, wanted: Need) -> Need:
        """Grant as much of `wanted` as is free; it replaces what `key` had.

        Raises
        ------
        ValueError
            If an amount is negative.
        """
        if min(wanted) < 0:
            raise ValueError(f"a claim of {wanted} is negative")
        self._claims.pop(key, None)
        granted = least(wanted, self.free)
        self._claims[key] = granted
        return granted

    def release(self, key: str) -> Need:
        """Give back what `key` had; nothing if it had none."""
        return self._claims.pop(key, NOTHING)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values; amounts as decimal text."""
        return {
            "room": [str(each) for each in self.room],
            "claims": {key: [str(each) for each in claim] for key, claim in self._claims.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave."""
        self.room = Need(*(int(each) for each in state["room"]))
        self._claims = {
            key: Need(*(int(each) for each in claim)) for key, claim in state["claims"].items()
        }
