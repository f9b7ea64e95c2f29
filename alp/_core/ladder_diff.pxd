# From the quotes that are wanted to the commands that lead there, with the fewest messages.
#
# Each side is an assignment of resting orders to wanted quotes at the least cost: messages first,
# then places in the queue given up, then what the venue charges for each message, then distance.

from alp._core.uint256 cimport i64

cdef enum:
    MOST_QUOTES = 32            # of one side
    MOST_RESTING = 64           # of one side
    MOST_COLUMNS = 96           # MOST_QUOTES + MOST_RESTING
    MOST_STEPS = 8              # of a cost by age
    MOST_CHANGES = 192          # 2 * (MOST_QUOTES + MOST_RESTING)
    MOST_COST = 255             # of one message

cdef enum:                      # bits: what an amend may do
    MAY_PRICE = 1
    MAY_MORE = 2
    MAY_LESS = 4
    LESS_KEEPS_PLACE = 8

cdef enum:                      # Crossing: what becomes of a quote that would take
    CROSSING_CLAMP = 1          # one tick behind the other side
    CROSSING_SKIP = 2

cdef enum:                      # why there is no answer
    LADDER_TOO_MANY = -1
    LADDER_INVALID = -2         # a price or quantity that cannot be, or quotes that meet

cdef struct Quote:
    i64 price
    i64 quantity                # lots to rest
    int side

cdef struct Resting:
    i64 price
    i64 low                     # it may rest anywhere from here
    i64 high                    # to here
    i64 rest                    # lots not filled
    i64 filled
    i64 age_ns                  # since it was placed or amended
    int side
    int place                   # in the table of orders
    bint blocked                # a command is under way, or its end is unknown
    bint amendable

cdef struct CostSteps:          # of a message about an order, by the order's age
    int count
    i64 below_ns[MOST_STEPS]
    i64 cost[MOST_STEPS]
    i64 after                   # as old as the last step, or older

cdef struct LadderRules:
    int amend                   # bits
    int crossing
    i64 price_tolerance         # ticks
    i64 quantity_tolerance      # lots
    i64 new_cost
    CostSteps amend_cost
    CostSteps cancel_cost

cdef struct LadderMarket:
    i64 bid                     # best of others; 0: none
    i64 ask
    i64 room[2]                 # lots that may be open at most, buys and sells
    i64 budget                  # cost that may be spent on what does not lower the risk

cdef struct Change:
    int action                  # as on the bus
    int resting                 # its index as given; -1: a new order
    int side
    int rank
    i64 price
    i64 quantity                # of the whole order
    i64 more                    # lots it adds to what may be open
    i64 cost

cdef struct LadderCounts:
    i64 messages
    i64 lost                    # places in the queue
    i64 cost
    i64 deferred                # changes that must wait
    i64 skipped                 # quotes that would have taken

cdef struct LadderWork:
    Quote quotes[2][MOST_QUOTES]
    int quoted[2]
    i64 best[2]                 # of the quotes
    int rows[2][MOST_RESTING]   # indices of what rests
    int resting[2]
    i64 costs[MOST_RESTING][MOST_COLUMNS]
    i64 row_potential[MOST_RESTING + 1]
    i64 column_potential[MOST_COLUMNS + 1]
    i64 least[MOST_COLUMNS + 1]
    int row_of[MOST_COLUMNS + 1]
    int way[MOST_COLUMNS + 1]
    bint used[MOST_COLUMNS + 1]
    Change changes[MOST_CHANGES]
    int count
    LadderCounts counts

# How many changes there are in `work.changes`, in the order to be sent, or why there is no answer.
cdef int ladder_diff(
    LadderWork* work, const LadderRules* rules, const LadderMarket* market, const Quote* quotes,
    int quoted, const Resting* resting, int rests
) noexcept nogil
