"""Quotes of a market maker: which orders should rest, and everything that made them so.

Prices come from ``maker_prices``; here they become ticks, ladders and sizes. Rounding and limits
keep their order: no price rises when inventory does, but by hysteresis, which keeps older quotes.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

from libc.math cimport INFINITY, ceil, floor, rint
from libc.string cimport memcpy, memset

from alp._core.maker_prices cimport (
    BOUND_ASK_AT_TOUCH,
    BOUND_ASK_CAPPED,
    BOUND_ASK_COLLAR,
    BOUND_ASK_INVENTORY,
    BOUND_ASK_KEPT,
    BOUND_ASK_NOT_ALLOWED,
    BOUND_ASK_ROOM,
    BOUND_ASK_TOO_SMALL,
    BOUND_BID_AT_TOUCH,
    BOUND_BID_CAPPED,
    BOUND_BID_COLLAR,
    BOUND_BID_INVENTORY,
    BOUND_BID_KEPT,
    BOUND_BID_NOT_ALLOWED,
    BOUND_BID_ROOM,
    BOUND_BID_TOO_SMALL,
    BOUND_CROSSED_BOOK,
    LARGEST_LOTS,
    MAKER_AVELLANEDA_STOIKOV,
    MAKER_GLFT_CLOSED,
    MAKER_GLFT_TABLE,
    MAKER_INPUTS,
    BOUND_MIN_SPREAD,
    MOST_LATTICE,
    MOST_LEVELS,
    BOUND_NOTHING_QUOTED,
    NOT_NEEDED,
    BOUND_NO_BOOK,
    BOUND_OUT_OF_DOMAIN,
    PPM,
    ROUND_AWAY,
    ROUND_NEAREST,
    BOUND_SHIFT_CAPPED,
    SIDE_ASK,
    SIDE_BID,
    BOUND_SPREAD_RESTORED,
    BOUND_STALE_BOOK,
    BOUND_STALE_CALIBRATION,
    BOUND_STALE_DRIFT,
    BOUND_STALE_INVENTORY,
    BOUND_STALE_POOL,
    BOUND_SUSPENDED,
    TOUCH_INSIDE,
    TOUCH_JOIN,
    BOUND_UNCALIBRATED,
    BOUND_WIDENED,
    MakerInputs,
    MakerRule,
    MakerTerms,
    maker_prices,
    maker_unfit,
    pricing_create,
    pricing_destroy,
)

cdef double LARGEST_NUMBER = 4503599627370496.0


class MakerModel(IntEnum):
    """Which formula prices inventory."""

    GLFT_CLOSED = MAKER_GLFT_CLOSED
    GLFT_TABLE = MAKER_GLFT_TABLE
    AVELLANEDA_STOIKOV = MAKER_AVELLANEDA_STOIKOV


class Rounding(IntEnum):
    """How a price becomes ticks."""

    AWAY = ROUND_AWAY
    """Away from the market: never nearer than the model says."""
    NEAREST = ROUND_NEAREST
    """To the nearest, half to even."""


class Touch(IntEnum):
    """How far in front of others a quote may be."""

    JOIN = TOUCH_JOIN
    """Not in front of the best of its side."""
    INSIDE = TOUCH_INSIDE
    """Up to one tick from the other side."""


class Bound(IntFlag):
    """What shaped a decision; with one of the first ten nothing is quoted."""

    STALE_BOOK = BOUND_STALE_BOOK
    STALE_INVENTORY = BOUND_STALE_INVENTORY
    STALE_POOL = BOUND_STALE_POOL
    STALE_CALIBRATION = BOUND_STALE_CALIBRATION
    STALE_DRIFT = BOUND_STALE_DRIFT
    NO_BOOK = BOUND_NO_BOOK
    CROSSED_BOOK = BOUND_CROSSED_BOOK
    UNCALIBRATED = BOUND_UNCALIBRATED
    OUT_OF_DOMAIN = BOUND_OUT_OF_DOMAIN
    SUSPENDED = BOUND_SUSPENDED
    SHIFT_CAPPED = BOUND_SHIFT_CAPPED
    MIN_SPREAD = BOUND_MIN_SPREAD
    WIDENED = BOUND_WIDENED
    SPREAD_RESTORED = BOUND_SPREAD_RESTORED
    BID_AT_TOUCH = BOUND_BID_AT_TOUCH
    ASK_AT_TOUCH = BOUND_ASK_AT_TOUCH
    BID_NOT_ALLOWED = BOUND_BID_NOT_ALLOWED
    ASK_NOT_ALLOWED = BOUND_ASK_NOT_ALLOWED
    BID_INVENTORY = BOUND_BID_INVENTORY
    ASK_INVENTORY = BOUND_ASK_INVENTORY
    BID_ROOM = BOUND_BID_ROOM
    ASK_ROOM = BOUND_ASK_ROOM
    BID_TOO_SMALL = BOUND_BID_TOO_SMALL
    ASK_TOO_SMALL = BOUND_ASK_TOO_SMALL
    BID_CAPPED = BOUND_BID_CAPPED
    ASK_CAPPED = BOUND_ASK_CAPPED
    BID_COLLAR = BOUND_BID_COLLAR
    ASK_COLLAR = BOUND_ASK_COLLAR
    BID_KEPT = BOUND_BID_KEPT
    ASK_KEPT = BOUND_ASK_KEPT


class WantedQuote(NamedTuple):
    """An order that should rest: ticks, lots."""

    price: int
    lots: int


class MakerView(NamedTuple):
    """A decision: the ladders, best first, and every number behind them."""

    number: int
    bids: tuple
    asks: tuple
    bound: Bound
    best: tuple
    step: int
    least_spread: int
    inputs: dict
    terms: dict


cdef int maker_create(Maker* maker, const MakerRule* rule) noexcept nogil:
    """Take memory; -1 where there is none."""
    memset(maker, 0, sizeof(Maker))
    maker.rule = rule[0]
    return pricing_create(&maker.pricing, rule)


cdef void maker_destroy(Maker* maker) noexcept nogil:
    pricing_destroy(&maker.pricing)


cdef void maker_forget(Maker* maker) noexcept nogil:
    """Keep nothing of what was quoted."""
    maker.kept[SIDE_BID].count = maker.kept[SIDE_ASK].count = 0


cdef inline i64 _front(const MakerRule* rule, const MakerInputs* given, bint ask) noexcept nogil:
    """The best price a quote may have."""
    if rule.touch == TOUCH_JOIN:
        return given.ask if ask else given.bid
    return given.bid + 1 if ask else given.ask - 1


cdef u64 _round(
    const MakerRule* rule, const MakerInputs* given, MakerDecision* decision
) noexcept nogil:
    """The best quotes in ticks: not in front of the touch, and a spread apart."""
    cdef const MakerTerms* terms = &decision.terms
    cdef i64* prices = decision.best
    cdef u64 bound = 0
    cdef i64 front
    if rule.rounding == ROUND_NEAREST:
        prices[SIDE_BID] = <i64>rint(terms.raw[SIDE_BID])
        prices[SIDE_ASK] = <i64>rint(terms.raw[SIDE_ASK])
    else:
        prices[SIDE_BID] = <i64>floor(terms.raw[SIDE_BID])
        prices[SIDE_ASK] = <i64>ceil(terms.raw[SIDE_ASK])
    front = _front(rule, given, False)
    if prices[SIDE_BID] > front:
        prices[SIDE_BID] = front
        bound |= BOUND_BID_AT_TOUCH
    front = _front(rule, given, True)
    if prices[SIDE_ASK] < front:
        prices[SIDE_ASK] = front
        bound |= BOUND_ASK_AT_TOUCH
    if prices[SIDE_ASK] - prices[SIDE_BID] < decision.least_spread:
        prices[SIDE_ASK] = prices[SIDE_BID] + decision.least_spread
        bound |= BOUND_SPREAD_RESTORED
    return bound


cdef i64 _room(const MakerRule* rule, const MakerInputs* given, bint ask, u64* bound) noexcept nogil:
    """Lots that all quotes of a side may have together, and what says so, should they be cut."""
    cdef i64 inventory = (
        rule.most_inventory + given.inventory if ask else rule.most_inventory - given.inventory
    )
    cdef i64 room = given.room[ask]
    bound[0] = <u64>BOUND_BID_INVENTORY << ask if inventory <= room else <u64>BOUND_BID_ROOM << ask
    return max(min(inventory, room), 0)


cdef inline i64 _leaning(const MakerRule* rule, i64 inventory, bint ask) noexcept nogil:
    """Millionths of their size that a side's levels have at an inventory."""
    cdef i64 limit = rule.most_inventory
    cdef i64 lean
    if rule.asymmetry_ppm == 0:
        return PPM
    lean = rule.asymmetry_ppm * (min(max(inventory, -limit), limit) * PPM // limit) // PPM
    return PPM + lean if ask else PPM - lean


cdef u64 _build(
    const MakerRule* rule, const MakerInputs* given, MakerDecision* decision, bint ask
) noexcept nogil:
    """One side's ladder from its best price."""
    cdef i64 best = decision.best[ask]
    cdef MakerLadder* ladder = &decision.ladders[ask]
    cdef u64 bound = 0, limit
    cdef i64 room = _room(rule, given, ask, &limit)
    cdef i64 leaning = _leaning(rule, given.inventory, ask)
    cdef i64 lots, price, distance
    cdef int level
    if not given.allowed[ask]:
        return <u64>BOUND_BID_NOT_ALLOWED << ask
    for level in range(rule.levels):
        price = best + level * decision.step if ask else best - level * decision.step
        distance = price - given.bid if ask else given.ask - price
        if price <= 0 or (rule.collar and 2 * distance - (given.ask - given.bid) > 2 * rule.collar):
            bound |= <u64>BOUND_BID_COLLAR << ask
            break
        lots = rule.level_lots[level] * leaning // PPM
        if lots > rule.most_lots:
            lots = rule.most_lots
            bound |= <u64>BOUND_BID_CAPPED << ask
        if lots > room:
            lots = room
            bound |= limit
        if rule.lot_step > 1:
            lots -= lots % rule.lot_step
        if lots < rule.least_lots:
            # What a limit took is that limit's doing.
            if not bound & limit:
                bound |= <u64>BOUND_BID_TOO_SMALL << ask
            continue
        room -= lots
        ladder.quotes[ladder.count].price = price
        ladder.quotes[ladder.count].lots = lots
        ladder.count += 1
    return bound


cdef bint _stays(
    const Maker* maker, const MakerInputs* given, const MakerLadder* wanted, bint ask
) noexcept nogil:
    """Whether what was quoted before is near enough to what is wanted, and still permitted."""
    cdef const MakerRule* rule = &maker.rule
    cdef const MakerLadder* kept = &maker.kept[ask]
    cdef i64 moved = given.inventory - maker.kept_inventory[ask]
    cdef i64 total = 0
    cdef i64 front = _front(rule, given, ask)
    cdef u64 limit
    cdef int at
    if kept.count == 0 or kept.count != wanted.count:
        return False
    if moved > rule.inventory_hysteresis or -moved > rule.inventory_hysteresis:
        return False
    if (kept.quotes[0].price < front) if ask else (kept.quotes[0].price > front):
        return False
    for at in range(kept.count):
        moved = kept.quotes[at].price - wanted.quotes[at].price
        if moved > rule.price_hysteresis or -moved > rule.price_hysteresis:
            return False
        moved = kept.quotes[at].lots - wanted.quotes[at].lots
        if moved > rule.lots_hysteresis or -moved > rule.lots_hysteresis:
            return False
        total += kept.quotes[at].lots
    return total <= _room(rule, given, ask, &limit)


cdef inline void _copy(MakerLadder* to, const MakerLadder* ladder) noexcept nogil:
    """Only what is there: most makers have few of the levels there may be."""
    to.count = ladder.count
    memcpy(to.quotes, ladder.quotes, ladder.count * sizeof(MakerQuote))


cdef bint _differs(const MakerLadder* one, const MakerLadder* other) noexcept nogil:
    cdef int at
    for at in range(one.count):
        if (
            one.quotes[at].price != other.quotes[at].price
            or one.quotes[at].lots != other.quotes[at].lots
        ):
            return True
    return False


cdef u64 _throttle(Maker* maker, const MakerInputs* given, MakerDecision* decision) noexcept nogil:
    """Let quotes stay that need not move, and remember what is quoted."""
    cdef bint[2] stays
    cdef i64 bid, ask
    cdef u64 bound = 0
    cdef int side
    for side in range(2):
        stays[side] = _stays(maker, given, &decision.ladders[side], side)
    if (
        stays[SIDE_BID] != stays[SIDE_ASK]
        and decision.ladders[SIDE_BID].count and decision.ladders[SIDE_ASK].count
    ):
        bid = (&maker.kept[SIDE_BID] if stays[SIDE_BID] else &decision.ladders[SIDE_BID]).quotes[0].price
        ask = (&maker.kept[SIDE_ASK] if stays[SIDE_ASK] else &decision.ladders[SIDE_ASK]).quotes[0].price
        if ask - bid < decision.least_spread:
            stays[SIDE_BID] = stays[SIDE_ASK] = False
    for side in range(2):
        if not stays[side]:
            _copy(&maker.kept[side], &decision.ladders[side])
            maker.kept_inventory[side] = given.inventory
        elif _differs(&maker.kept[side], &decision.ladders[side]):
            _copy(&decision.ladders[side], &maker.kept[side])
            bound |= <u64>BOUND_BID_KEPT << side
    return bound


cdef bint maker_decide(Maker* maker, const MakerInputs* inputs) noexcept nogil:
    cdef const MakerRule* rule = &maker.rule
    cdef MakerDecision* decision = &maker.decision
    cdef MakerTerms* terms = &decision.terms
    maker.decisions += 1
    decision.inputs = inputs[0]
    decision.number = maker.decisions
    decision.ladders[SIDE_BID].count = decision.ladders[SIDE_ASK].count = 0
    decision.step = decision.least_spread = 0
    decision.best[SIDE_BID] = decision.best[SIDE_ASK] = 0
    memset(terms, 0, sizeof(MakerTerms))
    decision.bound = maker_unfit(rule, inputs)
    if not decision.bound & BOUND_NOTHING_QUOTED:
        decision.bound |= maker_prices(&maker.pricing, rule, inputs, terms)
    if decision.bound & BOUND_NOTHING_QUOTED:
        maker_forget(maker)
        return False
    decision.step = rule.step
    if rule.step_share > 0.0:
        decision.step = max(
            rule.step, <i64>ceil(rule.step_share * terms.neutral_half * rule.spread_factor)
        )
    decision.least_spread = max(<i64>ceil(2.0 * terms.least_half), 1)
    decision.bound |= _round(rule, inputs, decision)
    decision.bound |= _build(rule, inputs, decision, False)
    decision.bound |= _build(rule, inputs, decision, True)
    decision.bound |= _throttle(maker, inputs, decision)
    return decision.ladders[SIDE_BID].count + decision.ladders[SIDE_ASK].count != 0


cdef void _check(const MakerRule* rule) except *:
    """Raise ValueError for a rule that `maker_decide` does not bear."""
    cdef int at
    if rule.model not in (MAKER_GLFT_CLOSED, MAKER_GLFT_TABLE, MAKER_AVELLANEDA_STOIKOV):
        raise ValueError(f"no model {rule.model}")
    if rule.rounding not in (ROUND_AWAY, ROUND_NEAREST) or rule.touch not in (
        TOUCH_JOIN, TOUCH_INSIDE,
    ):
        raise ValueError(f"no rounding {rule.rounding} or touch {rule.touch}")
    if not 1 <= rule.levels <= MOST_LEVELS:
        raise ValueError(f"1 to {MOST_LEVELS} levels, not {rule.levels}")
    for value in (
        rule.risk_aversion, rule.execution_aversion, rule.spread_factor, rule.skew_factor,
        rule.least_edge, rule.least_spread, rule.drift_weight_s, rule.most_shift,
        rule.step_share,
    ):
        if not 0.0 <= value < LARGEST_NUMBER:
            raise ValueError(f"{value} is not a number from 0")
    if not (0.0 < rule.horizon_s < INFINITY and -1.0 < rule.fee < 1.0 and -1.0 < rule.cost < 1.0):
        raise ValueError("a horizon is positive, and a fee or cost less than all")
    if not (0.0 <= rule.microprice_weight <= 2.0 and rule.step_share <= 8.0):
        raise ValueError("a microprice weighs 0 to 2, and a step 0 to 8 half spreads")
    if not 1 <= rule.step <= LARGEST_LOTS or not 0 <= rule.collar <= LARGEST_LOTS:
        raise ValueError("a step is of at least one tick, and a collar not negative")
    if not 1 <= rule.order_lots <= rule.most_inventory <= LARGEST_LOTS:
        raise ValueError("the inventory limit holds at least one order")
    if rule.model == MAKER_GLFT_TABLE and rule.most_inventory // rule.order_lots > MOST_LATTICE:
        raise ValueError(f"a table has {MOST_LATTICE} orders each way at most")
    if not (1 <= rule.lot_step <= LARGEST_LOTS and 1 <= rule.least_lots <= rule.most_lots):
        raise ValueError("steps of lots are positive, and the least order not above the greatest")
    if rule.most_lots > LARGEST_LOTS or not 0 <= rule.asymmetry_ppm <= PPM:
        raise ValueError("orders are of 2^40 lots at most, and an asymmetry a share")
    if min(rule.price_hysteresis, rule.inventory_hysteresis, rule.lots_hysteresis) < 0:
        raise ValueError("a hysteresis is not negative")
    for at in range(rule.levels):
        if not 0 <= rule.level_lots[at] <= LARGEST_LOTS:
            raise ValueError(f"level {at} of {rule.level_lots[at]} lots")
    for at in range(MAKER_INPUTS):
        if rule.most_age_ns[at] < 0 and rule.most_age_ns[at] != NOT_NEEDED:
            raise ValueError("an age is not negative")


cdef class MarketMaker:
    """Decisions of one instrument's maker.

    Parameters
    ----------
    rule
        Every field of ``MakerRule``, see ``maker.pxd``; :mod:`alp.models.maker` makes one.

    Raises
    ------
    KeyError, TypeError
        If a field is missing, or is no number.
    ValueError
        If one is out of its bounds.
    """

    def __cinit__(self, rule):
        cdef MakerRule given = rule
        _check(&given)
        if maker_create(&self.maker, &given):
            raise MemoryError

    def __dealloc__(self):
        maker_destroy(&self.maker)

    def decide(self, inputs):
        """Decide what should rest.

        Parameters
        ----------
        inputs
            Every field of ``MakerInputs``.
        """
        cdef MakerInputs given = inputs
        if max(given.inventory, -given.inventory) > LARGEST_LOTS:
            raise ValueError(f"an inventory of {given.inventory} lots")
        if max(given.bid, given.ask) > LARGEST_LOTS:
            raise ValueError("a price beyond 2^40 ticks")
        maker_decide(&self.maker, &given)
        return self.last

    @property
    def last(self):
        """The last decision."""
        cdef MakerDecision* decision = &self.maker.decision
        cdef MakerLadder* ladder
        cdef int at
        ladders = []
        for side in range(2):
            ladder = &decision.ladders[side]
            ladders.append(
                tuple(
                    [
                        WantedQuote(ladder.quotes[at].price, ladder.quotes[at].lots)
                        for at in range(ladder.count)
                    ]
                )
            )
        return MakerView(
            decision.number, ladders[0], ladders[1], Bound(decision.bound),
            (decision.best[0], decision.best[1]), decision.step, decision.least_spread,
            decision.inputs, decision.terms,
        )

    def forget(self):
        """Forget what was quoted: the next decision keeps nothing."""
        maker_forget(&self.maker)

    def snapshot(self):
        """Return the state as plain numbers, for `restore` on a maker of the same rule."""
        cdef int side, at
        kept = []
        for side in range(2):
            kept.append(
                [
                    [self.maker.kept[side].quotes[at].price, self.maker.kept[side].quotes[at].lots]
                    for at in range(self.maker.kept[side].count)
                ]
            )
        return {
            "decisions": self.maker.decisions,
            "kept": kept,
            "kept_inventory": [self.maker.kept_inventory[0], self.maker.kept_inventory[1]],
        }

    def restore(self, state):
        """Take up the state that `snapshot` gave.

        Raises
        ------
        ValueError
            If it has more levels than there may be.
        """
        kept = state["kept"]
        if len(kept) != 2 or max(len(kept[0]), len(kept[1])) > self.maker.rule.levels:
            raise ValueError("a snapshot of more levels than the rule has")
        self.maker.decisions = state["decisions"]
        for side, ladder in enumerate(kept):
            self.maker.kept_inventory[side] = state["kept_inventory"][side]
            for at, (price, lots) in enumerate(ladder):
                self.maker.kept[side].quotes[at].price = price
                self.maker.kept[side].quotes[at].lots = lots
            self.maker.kept[side].count = len(ladder)
