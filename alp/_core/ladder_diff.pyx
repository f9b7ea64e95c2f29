"""The commands that lead from what rests to the quotes that are wanted; all in C.

An order that is near enough to a quote is left alone. Otherwise it is amended where the venue can,
and only then canceled and placed anew. Which order becomes which quote is decided for a whole side
at once: no other assignment needs fewer messages.
"""

from libc.string cimport memset

from alp._core.gate cimport ACTION_AMEND, ACTION_CANCEL, ACTION_NEW
from alp._core.order_store cimport BUY, SELL, largest
from alp._core.uint256 cimport i64, u64

cdef enum:
    RANK_CANCEL = 0
    RANK_LESS = 1
    RANK_MOVE = 2
    RANK_NEW = 3
    MESSAGE_BITS = 48           # of a cost: messages, places lost, the venue's cost, distance
    LOST_BITS = 40
    COST_BITS = 24
    MOST_DISTANCE = 8191


cdef inline i64 _cost_at(const CostSteps* steps, i64 age_ns) noexcept nogil:
    cdef int step
    for step in range(steps.count):
        if age_ns < steps.below_ns[step]:
            return steps.cost[step]
    return steps.after


cdef inline i64 _far(i64 one, i64 other) noexcept nogil:
    return one - other if one > other else other - one


cdef bint _take_quotes(
    LadderWork* work, const LadderRules* rules, const LadderMarket* market, const Quote* quotes,
    int quoted
) noexcept nogil:
    """The quotes of each side, those that would take clamped or left out; false if none can be."""
    cdef int at, other, side
    cdef Quote quote
    cdef bint taken
    cdef i64 behind
    cdef i64 best[2]
    best[BUY], best[SELL] = 0, largest() + 1
    for at in range(quoted):
        quote = quotes[at]
        if not (0 < quote.price <= largest() and 0 < quote.quantity <= largest()):
            return False
        if quote.side == 1:
            best[BUY] = max(best[BUY], quote.price)
        elif quote.side == -1:
            best[SELL] = min(best[SELL], quote.price)
        else:
            return False
    if best[BUY] >= best[SELL]:
        return False
    work.best[BUY], work.best[SELL] = 0, largest() + 1
    for at in range(quoted):
        quote = quotes[at]
        side = BUY if quote.side > 0 else SELL
        behind = market.ask - 1 if side == BUY else market.bid + 1
        if (side == BUY and market.ask and quote.price > behind) or (
            side == SELL and market.bid and quote.price < behind
        ):
            taken = rules.crossing == CROSSING_SKIP or behind <= 0
            for other in range(quoted):
                taken = taken or (quotes[other].side == quote.side and quotes[other].price == behind)
            for other in range(work.quoted[side]):
                taken = taken or work.quotes[side][other].price == behind
            if taken:
                work.counts.skipped += 1
                continue
            quote.price = behind
        if work.quoted[side] == MOST_QUOTES:
            return False
        work.quotes[side][work.quoted[side]] = quote
        work.quoted[side] += 1
        if side == BUY:
            work.best[side] = max(work.best[side], quote.price)
        else:
            work.best[side] = min(work.best[side], quote.price)
    return True


cdef bint _stays(
    const LadderWork* work, const LadderRules* rules, const Resting* resting, int row, int side,
    const Quote* quote
) noexcept nogil:
    """Whether an order may stay at its price for a quote.

    Near is enough only where no quote wants just that price and no other order has it, so that
    never two are at one price that were not asked for, and where it is not in the other side's way.
    """
    cdef const Resting* order = &resting[work.rows[side][row]]
    cdef const Resting* before
    cdef int at
    if order.low <= quote.price <= order.high:
        return True
    if (
        quote.price < order.low - rules.price_tolerance
        or quote.price > order.high + rules.price_tolerance
    ):
        return False
    if order.high >= work.best[SELL] if side == BUY else order.low <= work.best[BUY]:
        return False
    for at in range(work.quoted[side]):
        if order.low <= work.quotes[side][at].price <= order.high:
            return False
    for at in range(row):
        before = &resting[work.rows[side][at]]
        if before.low <= order.high and order.low <= before.high:
            return False
    return True


cdef bint _amends(
    const LadderWork* work, const LadderRules* rules, const Resting* resting, int row, int side,
    const Quote* quote, Change* change, bint* loses
) noexcept nogil:
    """What makes an order a quote: nothing (action 0) or an amend; false where only a cancel does."""
    cdef const Resting* order = &resting[work.rows[side][row]]
    cdef bint stays = _stays(work, rules, resting, row, side, quote)
    cdef bint same = _far(order.rest, quote.quantity) <= rules.quantity_tolerance
    cdef i64 rest = order.rest if same else quote.quantity
    memset(change, 0, sizeof(Change))
    loses[0] = False
    if order.blocked:
        return stays
    if stays and same:
        return True
    if not order.amendable:
        return False
    change.action, change.resting, change.side = ACTION_AMEND, work.rows[side][row], order.side
    change.price = order.price if stays else quote.price
    change.quantity, change.more = order.filled + rest, max(<i64>0, rest - order.rest)
    change.cost = 1
    if (
        (not stays and not rules.amend & MAY_PRICE)
        or (rest > order.rest and not rules.amend & MAY_MORE)
        or (rest < order.rest and not rules.amend & MAY_LESS)
    ):
        return False
    loses[0] = not stays or rest > order.rest or not rules.amend & LESS_KEEPS_PLACE
    change.cost = _cost_at(&rules.amend_cost, order.age_ns)
    change.rank = RANK_MOVE
    if not change.more and (change.price - order.price) * order.side <= 0:
        change.rank = RANK_LESS
    return True


cdef inline i64 _packed(i64 messages, i64 lost, i64 cost, i64 distance) noexcept nogil:
    return (
        (messages << MESSAGE_BITS) + (lost << LOST_BITS) + (min(cost, MOST_COST) << COST_BITS)
        + distance
    )


cdef i64 _never() noexcept nogil:
    return <i64>1 << 58


cdef void _fill_costs(
    LadderWork* work, const LadderRules* rules, const Resting* resting, int side
) noexcept nogil:
    """Of each order: becoming each quote, less what that quote costs as a new order; or ending."""
    cdef int row, column
    cdef const Resting* order
    cdef const Quote* quote
    cdef Change change
    cdef bint loses
    cdef i64 distance
    cdef i64 saved = _packed(1, 0, rules.new_cost, 0)
    cdef i64 ending
    for row in range(work.resting[side]):
        order = &resting[work.rows[side][row]]
        for column in range(work.quoted[side]):
            quote = &work.quotes[side][column]
            if not _amends(work, rules, resting, row, side, quote, &change, &loses):
                work.costs[row][column] = _never()
                continue
            distance = min(_far(order.price, quote.price), <i64>MOST_DISTANCE) * 16
            distance += min(_far(order.rest, quote.quantity), <i64>15)
            work.costs[row][column] = _packed(
                change.action != 0, loses, change.cost, distance
            ) - saved
        ending = 0
        if not order.blocked:
            ending = _packed(1, 0, _cost_at(&rules.cancel_cost, order.age_ns), 0)
        for column in range(work.quoted[side], work.quoted[side] + work.resting[side]):
            work.costs[row][column] = ending


cdef void _assign(LadderWork* work, int rows, int columns) noexcept nogil:
    """Assign each row a column at the least total (Kuhn 1955, with potentials); 1-based inside."""
    cdef int row, column, at, from_row, following
    cdef i64 delta, cost
    for column in range(columns + 1):
        work.column_potential[column] = 0
        work.row_of[column] = 0
    for row in range(rows + 1):
        work.row_potential[row] = 0
    for row in range(1, rows + 1):
        work.row_of[0] = row
        at = 0
        for column in range(columns + 1):
            work.least[column] = <i64>1 << 62
            work.used[column] = False
        while True:
            work.used[at] = True
            from_row = work.row_of[at]
            delta = <i64>1 << 62
            following = 0
            for column in range(1, columns + 1):
                if work.used[column]:
                    continue
                cost = (
                    work.costs[from_row - 1][column - 1] - work.row_potential[from_row]
                    - work.column_potential[column]
                )
                if cost < work.least[column]:
                    work.least[column], work.way[column] = cost, at
                if work.least[column] < delta:
                    delta, following = work.least[column], column
            for column in range(columns + 1):
                if work.used[column]:
                    work.row_potential[work.row_of[column]] += delta
                    work.column_potential[column] -= delta
                else:
                    work.least[column] -= delta
            at = following
            if work.row_of[at] == 0:
                break
        while at:
            following = work.way[at]
            work.row_of[at] = work.row_of[following]
            at = following


cdef void _add(LadderWork* work, const Change* change) noexcept nogil:
    """Put a change where it belongs: what lowers the risk first, then what is nearest the market."""
    cdef int at = work.count
    cdef Change* before
    while at:
        before = &work.changes[at - 1]
        if before.rank < change.rank or (
            before.rank == change.rank
            and (before.side != change.side or before.price * before.side >= change.price * change.side)
        ):
            break
        work.changes[at] = before[0]
        at -= 1
    work.changes[at] = change[0]
    work.count += 1


cdef bint _is_there(
    const LadderWork* work, const LadderRules* rules, const Resting* resting, int side
) noexcept nogil:
    """Whether every quote has an order at its price and no order is left over: most often so."""
    cdef u64 taken = 0
    cdef int row, column
    cdef const Resting* order
    if work.quoted[side] != work.resting[side]:
        return False
    for row in range(work.resting[side]):
        order = &resting[work.rows[side][row]]
        for column in range(work.quoted[side]):
            if (
                not taken >> column & 1 and order.price == work.quotes[side][column].price
                and not order.blocked
                and _far(order.rest, work.quotes[side][column].quantity) <= rules.quantity_tolerance
            ):
                taken |= <u64>1 << column
                break
        else:
            return False
    return True


cdef void _side_changes(
    LadderWork* work, const LadderRules* rules, const Resting* resting, int side
) noexcept nogil:
    cdef int columns = work.quoted[side] + work.resting[side]
    cdef int column, row
    cdef const Resting* order
    cdef Change change
    cdef bint loses
    if _is_there(work, rules, resting, side):
        return
    _fill_costs(work, rules, resting, side)
    _assign(work, work.resting[side], columns)
    for column in range(columns):
        row = work.row_of[column + 1] - 1
        if row >= 0 and column < work.quoted[side]:
            _amends(
                work, rules, resting, row, side, &work.quotes[side][column], &change, &loses
            )
            if change.action:
                _add(work, &change)
                work.counts.lost += loses
        elif row >= 0:
            order = &resting[work.rows[side][row]]
            if not order.blocked:
                memset(&change, 0, sizeof(Change))
                change.action, change.resting = ACTION_CANCEL, work.rows[side][row]
                change.side, change.price, change.rank = order.side, order.price, RANK_CANCEL
                change.quantity = order.filled + order.rest
                change.cost = _cost_at(&rules.cancel_cost, order.age_ns)
                _add(work, &change)
        elif column < work.quoted[side]:
            memset(&change, 0, sizeof(Change))
            change.action, change.resting, change.rank = ACTION_NEW, -1, RANK_NEW
            change.side = work.quotes[side][column].side
            change.price = work.quotes[side][column].price
            change.quantity = change.more = work.quotes[side][column].quantity
            change.cost = rules.new_cost
            _add(work, &change)


cdef bint _meets_own(
    const Change* change, const Resting* resting, int rests
) noexcept nogil:
    """Whether it could trade with an own order, which rests until the venue says otherwise."""
    cdef int at
    for at in range(rests):
        if resting[at].side == 1 and change.side == -1 and change.price <= resting[at].high:
            return True
        if resting[at].side == -1 and change.side == 1 and change.price >= resting[at].low:
            return True
    return False


cdef void _without_more(Change* change, const Resting* order) noexcept nogil:
    """Let an amend that has no room for more move the order all the same."""
    if change.price == order.price:
        return
    change.quantity -= change.more
    change.more = 0
    if (change.price - order.price) * order.side < 0:
        change.rank = RANK_LESS


cdef void _defer(
    LadderWork* work, const LadderMarket* market, const Resting* resting, int rests
) noexcept nogil:
    """Leave out what has to wait: for room, for the venue's counter, for an own order to go."""
    cdef i64 open_quantity[2]
    cdef i64 left = market.budget
    cdef int at, side
    cdef int kept = 0
    cdef Change* change
    open_quantity[BUY] = open_quantity[SELL] = 0
    for at in range(rests):
        open_quantity[BUY if resting[at].side > 0 else SELL] += resting[at].rest
    for at in range(work.count):
        change = &work.changes[at]
        side = BUY if change.side > 0 else SELL
        if change.action == ACTION_AMEND and open_quantity[side] + change.more > market.room[side]:
            _without_more(change, &resting[change.resting])
            work.counts.deferred += change.more == 0
        if change.rank > RANK_LESS and (
            change.cost > left or open_quantity[side] + change.more > market.room[side]
            or _meets_own(change, resting, rests)
        ):
            work.counts.deferred += 1
            continue
        open_quantity[side] += change.more
        left -= change.cost
        work.counts.messages += 1
        work.counts.cost += change.cost
        work.changes[kept] = change[0]
        kept += 1
    work.count = kept


cdef int ladder_diff(
    LadderWork* work, const LadderRules* rules, const LadderMarket* market, const Quote* quotes,
    int quoted, const Resting* resting, int rests
) noexcept nogil:
    """Find the changes that lead from what rests to the quotes."""
    cdef int at, side
    work.count = 0
    memset(&work.counts, 0, sizeof(LadderCounts))
    for side in range(2):
        work.quoted[side] = work.resting[side] = 0
    if not _take_quotes(work, rules, market, quotes, quoted):
        return LADDER_INVALID
    for at in range(rests):
        side = BUY if resting[at].side > 0 else SELL
        if work.resting[side] == MOST_RESTING:
            return LADDER_TOO_MANY
        work.rows[side][work.resting[side]] = at
        work.resting[side] += 1
    for side in range(2):
        _side_changes(work, rules, resting, side)
    _defer(work, market, resting, rests)
    return work.count
