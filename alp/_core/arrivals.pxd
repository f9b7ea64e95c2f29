# How deep trades reach and how far the mid moves, sampled in equal intervals: A, k and sigma online.
#
# Depths are half ticks from the mid before the interval, moves half ticks from mid to mid: integers,
# so that the histogram and both sums of moves are exact however long they run.

from alp._core.uint256 cimport i64, u128

cdef enum:
    MOST_BINS = 1024            # half ticks; what reaches deeper counts as the deepest
    LARGEST_MOVE = 0x3FFFFFFF
    NOT_SEEN = -0x7FFFFFFF      # a move across an interval without a mid
    LARGEST_WINDOW = 0x100000

cdef enum:                      # FitUnit
    UNIT_TICKS = 1              # x is the distance in ticks, hit by what reaches at least it
    UNIT_BINS = 2               # x is the bin's number and a half, hit by what reaches beyond it

cdef enum:                      # Readiness, bits: what keeps it from being ready
    LACKS_SAMPLES = 1
    LACKS_ARRIVALS = 2
    LACKS_DISTANCES = 4
    LACKS_FALL = 8
    LACKS_MOVES = 16

cdef struct ArrivalRule:
    i64 interval_ns
    i64 window                  # samples
    i64 refit_every             # samples
    i64 least_samples           # before the first fit
    i64 least_arrivals
    i64 least_hits              # of a distance that is fitted
    i64 drift_samples           # over which the mid's drift is taken
    int bin_half_ticks
    int most_bins               # fitted
    int sides                   # 1: the deeper side of an interval counts; 2: both, rates per side
    int unit
    bint weighted               # by hits

cdef struct Calibration:
    double scale                # A, per second
    double decay                # k, per tick or per bin, see FitUnit
    double sigma                # ticks per square-root second
    double r_squared
    double drift                # ticks per second, over the last samples
    i64 sigma_ns                # sample of the last sigma; 0: none
    i64 fitted_ns               # of the last fit of everything; 0: none
    i64 arrivals                # in the window
    i64 moves
    int distances               # fitted
    int lacking                 # Readiness of the last fit; LACKS_SAMPLES before it

cdef struct Arrivals:
    ArrivalRule rule
    Calibration fit
    int* depths                 # rings of `window`; two places each sample: bought, sold
    int* moves
    i64 at                      # place of the next sample
    i64 filled
    i64 sampled                 # since the beginning
    i64 last_ns
    i64 mid                     # half ticks; 0: unknown
    i64 counts[MOST_BINS + 1]   # of depths in the window, by half ticks
    i64 arrivals
    i64 seen_moves
    i64 sum_drift               # of the last `drift_samples` moves
    i64 sum_moves
    u128 sum_squares

cdef int arrivals_create(Arrivals* arrivals, const ArrivalRule* rule) noexcept nogil
cdef void arrivals_destroy(Arrivals* arrivals) noexcept nogil
cdef void arrivals_clear(Arrivals* arrivals) noexcept nogil
# One interval is over: best prices now (0: none), and how far trades reached in it (-1: none). True
# where it was fitted anew.
cdef bint arrivals_sample(
    Arrivals* arrivals, i64 now_ns, i64 bid, i64 ask, i64 highest_bought, i64 lowest_sold
) noexcept nogil


cdef inline bint arrivals_ready(const Arrivals* arrivals) noexcept nogil:
    return arrivals.fit.fitted_ns != 0


cdef class ArrivalEstimator:
    cdef Arrivals state
