"""The market maker in a tick-level backtest.

At each decision the interval's trades and mid are sampled, what should rest is decided, and the
difference is sent: orders at a price that is not wanted are canceled once they rest, and a wanted
price without an order gets one. Sizes of orders that rest already are left alone.
"""

from libc.math cimport NAN, isnan

from alp._core.arrivals cimport Calibration, arrivals_sample
from alp._core.book cimport side_best
from alp._core.maker cimport MakerLadder, maker_decide
from alp._core.maker_prices cimport (
    INPUT_BOOK,
    INPUT_CALIBRATION,
    INPUT_DRIFT,
    INPUT_INVENTORY,
    INPUT_POOL,
    LARGEST_LOTS,
    SIDE_ASK,
    SIDE_BID,
    MakerInputs,
)
from alp._core.tick_replay cimport TickReplay
from alp._core.tick_world cimport (
    PHASE_LIVE,
    TickOrder,
    tick_cancel,
    tick_look_away,
    tick_run,
    tick_send,
    tick_sweep,
)


cdef void _look(TickMaker* own, TickWorld* world, MakerInputs* seen) noexcept nogil:
    """Sample the interval, and gather what the decision is made of."""
    cdef const Calibration* fit = &own.arrivals.fit
    cdef i64 bid = 0, ask = 0
    seen.bid_lots = seen.ask_lots = 0
    if not side_best(&world.book.bids, &bid, &seen.bid_lots):
        bid = 0
    if not side_best(&world.book.asks, &ask, &seen.ask_lots):
        ask = 0
    arrivals_sample(
        own.arrivals, world.now_ns, bid, ask, world.traded.highest_bought,
        world.traded.lowest_sold,
    )
    seen.now_ns = world.now_ns
    seen.stamp_ns[INPUT_BOOK] = (
        world.rows[world.local_at - 1].local_ns if world.local_at else 0
    )
    seen.stamp_ns[INPUT_INVENTORY] = seen.stamp_ns[INPUT_POOL] = world.now_ns
    seen.stamp_ns[INPUT_DRIFT] = world.now_ns
    seen.bid = bid
    seen.ask = ask
    seen.inventory = world.position + own.held_elsewhere
    seen.room[SIDE_BID] = seen.room[SIDE_ASK] = LARGEST_LOTS
    if isnan(own.scale):
        seen.stamp_ns[INPUT_CALIBRATION] = fit.fitted_ns
        seen.scale = fit.scale if fit.fitted_ns else NAN
        seen.decay = fit.decay
    else:
        seen.stamp_ns[INPUT_CALIBRATION] = fit.sigma_ns
        seen.scale = own.scale
        seen.decay = own.decay
    seen.sigma = fit.sigma if fit.sigma_ns else NAN
    seen.drift = fit.drift
    seen.widen = 1.0
    seen.allowed[SIDE_BID] = seen.allowed[SIDE_ASK] = True
    seen.suspended = False


cdef bint _wanted(const TickMaker* own, const TickOrder* order) noexcept nogil:
    cdef int side = SIDE_BID if order.bid else SIDE_ASK
    cdef const MakerLadder* ladder = &own.maker.decision.ladders[side]
    cdef int at
    for at in range(ladder.count):
        if ladder.quotes[at].price == order.price:
            return True
    return own.stands and order.price == own.maker.decision.best[side]


cdef bint _has_order(const TickWorld* world, i64 price) noexcept nogil:
    cdef int at
    for at in range(world.active_count):
        if world.orders[world.active[at]].price == price:
            return True
    return False


cdef void tick_maker_decide(void* tick_maker, TickWorld* world) noexcept nogil:
    cdef TickMaker* own = <TickMaker*>tick_maker
    cdef TickOrder* order
    cdef const MakerLadder* ladder
    cdef MakerInputs seen
    cdef int side, at
    _look(own, world, &seen)
    tick_look_away(world)
    tick_sweep(world)
    own.decisions += 1
    own.quoted += maker_decide(own.maker, &seen)
    for at in range(world.active_count):
        order = world.orders + world.active[at]
        if order.phase == PHASE_LIVE and not order.canceling and not _wanted(own, order):
            tick_cancel(world, world.active[at])
    for side in range(2):
        ladder = &own.maker.decision.ladders[side]
        for at in range(ladder.count):
            if not _has_order(world, ladder.quotes[at].price):
                tick_send(
                    world, side == SIDE_BID, ladder.quotes[at].price, ladder.quotes[at].lots,
                    own.maker.decision.number & 0x7FFFFFFF, True, True,
                )


cdef class TickMarketMaker:
    """A market maker for a :class:`~alp._core.tick_replay.TickReplay`.

    Parameters
    ----------
    maker, arrivals
        What decides and what measures; both go on from where they are.
    scale, decay
        ``A`` and ``k`` per tick where they are not measured.
    held_elsewhere
        Lots of the combined inventory that are not of this account.
    stands
        Whether an order at its side's price stays when a limit closes that side; else it is
        canceled.

    Raises
    ------
    ValueError
        If only one of scale and decay is given.
    """

    def __cinit__(
        self,
        MarketMaker maker not None,
        ArrivalEstimator arrivals not None,
        *,
        double scale=NAN,
        double decay=NAN,
        i64 held_elsewhere=0,
        bint stands=False,
    ):
        if isnan(scale) != isnan(decay):
            raise ValueError("scale and decay are given together, or measured")
        self.maker = maker
        self.arrivals = arrivals
        self.state.maker = &maker.maker
        self.state.arrivals = &arrivals.state
        self.state.scale = scale
        self.state.decay = decay
        self.state.held_elsewhere = held_elsewhere
        self.state.stands = stands

    def run(self, TickReplay replay not None, i64 step_ns):
        """Decide every `step_ns` until the tape ends.

        Raises
        ------
        ValueError
            If a step takes no time.
        MemoryError
            If memory ran out, or more is on its way than there is room for.
        """
        if step_ns <= 0:
            raise ValueError("a step takes time")
        with nogil:
            tick_run(&replay.world, tick_maker_decide, &self.state, step_ns)
        if replay.world.failed:
            raise MemoryError("no room for what is on its way")

    @property
    def decisions(self):
        """Decisions, and those of them with something to rest."""
        return self.state.decisions, self.state.quoted
