# Prices of the market maker before rounding: from the book, the inventory and what was measured.
#
# Prices are ticks and quantities lots, both of the instrument. The model counts inventory in orders
# of `order_lots`, so aversions are per tick and order: gamma of quote times the quote of one tick of
# one order. The same inputs give the same bits.

from alp._core.uint256 cimport i64, u64

cdef enum:
    MOST_LEVELS = 16            # of one side
    MOST_LATTICE = 4096         # orders from zero to the inventory limit
    PPM = 1000000
    LARGEST_LOTS = 0x10000000000        # 2^40
    NOT_NEEDED = -1             # as the greatest age of an input

cdef enum:                      # MakerModel
    MAKER_GLFT_CLOSED = 1
    MAKER_GLFT_TABLE = 2        # the stationary solution on the lattice
    MAKER_AVELLANEDA_STOIKOV = 3

cdef enum:                      # MakerInput: what has an age
    INPUT_BOOK = 0
    INPUT_INVENTORY = 1         # of the venues
    INPUT_POOL = 2              # of the LP leg
    INPUT_CALIBRATION = 3
    INPUT_DRIFT = 4
    MAKER_INPUTS = 5

cdef enum:                      # Rounding
    ROUND_AWAY = 1              # from the market
    ROUND_NEAREST = 2           # half to even

cdef enum:                      # Touch: how far in front a quote may be
    TOUCH_JOIN = 1              # not in front of the best of its side
    TOUCH_INSIDE = 2            # up to one tick from the other side

cdef enum:
    SIDE_BID = 0
    SIDE_ASK = 1

# What shaped a decision, bits. Those of the ask are the bid's, shifted by one.
cdef enum:
    BOUND_STALE_BOOK = 0x1            # BOUND_STALE_BOOK << input
    BOUND_STALE_INVENTORY = 0x2
    BOUND_STALE_POOL = 0x4
    BOUND_STALE_CALIBRATION = 0x8
    BOUND_STALE_DRIFT = 0x10
    BOUND_NO_BOOK = 0x20              # a side is empty
    BOUND_CROSSED_BOOK = 0x40
    BOUND_UNCALIBRATED = 0x80         # A, k or sigma is no number of its domain
    BOUND_OUT_OF_DOMAIN = 0x100       # the model gives no finite price
    BOUND_SUSPENDED = 0x200           # somebody says so
    BOUND_NOTHING_QUOTED = 0x3FF      # any of these
    BOUND_SHIFT_CAPPED = 0x400
    BOUND_MIN_SPREAD = 0x800
    BOUND_WIDENED = 0x1000
    BOUND_SPREAD_RESTORED = 0x2000    # rounding had brought the sides too near
    BOUND_BID_AT_TOUCH = 0x4000
    BOUND_ASK_AT_TOUCH = 0x8000
    BOUND_BID_NOT_ALLOWED = 0x10000
    BOUND_ASK_NOT_ALLOWED = 0x20000
    BOUND_BID_INVENTORY = 0x40000     # the inventory limit took lots of the side, or all
    BOUND_ASK_INVENTORY = 0x80000
    BOUND_BID_ROOM = 0x100000         # so did what may be open at the venue
    BOUND_ASK_ROOM = 0x200000
    BOUND_BID_TOO_SMALL = 0x400000    # a level was less than the least order
    BOUND_ASK_TOO_SMALL = 0x800000
    BOUND_BID_CAPPED = 0x1000000      # a level was more than the greatest order
    BOUND_ASK_CAPPED = 0x2000000
    BOUND_BID_COLLAR = 0x4000000      # a level was too far from the mid, or its price not positive
    BOUND_ASK_COLLAR = 0x8000000
    BOUND_BID_KEPT = 0x10000000       # hysteresis: the quotes of before stay
    BOUND_ASK_KEPT = 0x20000000

cdef struct MakerRule:
    int model
    int rounding
    int touch
    int levels
    double risk_aversion        # gamma, per tick and order
    double execution_aversion   # xi
    double horizon_s            # Avellaneda-Stoikov: T - t
    double spread_factor        # of the half spread
    double skew_factor          # of the skew
    double cost                 # of a fill, share of its notional: the model's
    double fee                  # and the venue's, which only floors the spread; a rebate is negative
    double least_edge           # over fees and each side, share of the price
    double least_spread         # ticks, both sides together
    double microprice_weight
    double drift_weight_s       # the drift counts over so long
    double most_shift           # of the fair value, ticks
    double step_share           # between levels, of the half spread at no inventory
    i64 step                    # and at least so many ticks
    i64 collar                  # ticks from the mid; 0: none
    i64 order_lots
    i64 most_inventory          # lots
    i64 least_lots              # of an order
    i64 most_lots
    i64 lot_step
    i64 asymmetry_ppm           # at the limit, sizes of the growing side shrink by so much
    i64 price_hysteresis        # ticks
    i64 inventory_hysteresis    # lots
    i64 lots_hysteresis
    i64 level_lots[MOST_LEVELS]
    i64 most_age_ns[MAKER_INPUTS]

cdef struct MakerInputs:
    i64 now_ns
    i64 stamp_ns[MAKER_INPUTS]  # when each input was true; 0: never
    i64 bid                     # 0: none
    i64 bid_lots
    i64 ask
    i64 ask_lots
    i64 inventory               # combined, lots
    i64 room[2]                 # lots that may be open at the venue, buys and sells
    double scale                # A, per second
    double decay                # k, per tick
    double sigma                # ticks per square-root second
    double drift                # ticks per second
    double widen                # 1: as the model says
    bint allowed[2]
    bint suspended

cdef struct MakerTerms:
    double mid
    double microprice
    double imbalance            # -1..1
    double shift                # of the fair value
    double fair
    double position             # inventory in orders
    double fee                  # of a fill, ticks; a rebate is negative
    double margin               # what the model takes at no risk
    double neutral_half         # the model's, at no inventory
    double skew                 # per order; of the table, between both sides' at this inventory
    double model_half           # at this inventory, with the rule's factors
    double least_half
    double half
    double reservation
    double raw[2]               # before rounding

# What depends on A, k, cost and sigma alone.
cdef struct MakerFit:
    double scale
    double decay
    double cost
    double sigma
    double margin
    double skew                 # per order, where distances are straight lines
    double neutral_half
    bint sound

# What prices are worked out with: of the rule, and remembered between decisions.
cdef struct Pricing:
    MakerFit fit
    i64 levels_each_way         # of the lattice
    double stiffness            # of the table; NaN before the first
    double* log_values
    double* steps               # rising: distances never fall with inventory

cdef int pricing_create(Pricing* pricing, const MakerRule* rule) noexcept nogil
cdef void pricing_destroy(Pricing* pricing) noexcept nogil
# What of the inputs forbids any quote.
cdef u64 maker_unfit(const MakerRule* rule, const MakerInputs* given) noexcept nogil
# Fair value, reservation price and both sides' prices before rounding; what bound them.
cdef u64 maker_prices(
    Pricing* pricing, const MakerRule* rule, const MakerInputs* given, MakerTerms* terms
) noexcept nogil
