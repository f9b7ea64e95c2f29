# Widths of the two ranges from a quoting model: Avellaneda-Stoikov, GLFT closed and stationary.

cdef enum QuotingModel:
    OTHER_MODEL                 # no compiled form: the caller brings the widths
    AVELLANEDA_STOIKOV
    AVELLANEDA_STOIKOV_STATIONARY
    GLFT_CLOSED
    GLFT_STATIONARY

# As alp.models.recipe.QuotingRecipe and alp.models.ranges.RangeLimits have them.
cdef struct QuotingRule:
    QuotingModel model
    double risk_aversion        # of inventory: the penalty included
    double execution_aversion
    double order_size
    double max_inventory
    double two_sided_inventory
    double execution_cost_bps
    double horizon_s
    double interval_s
    double base_spread_bps
    double min_width_bps
    double max_width_bps

# The last solution on the inventory lattice; the neutral quote and the next one ask for the same.
cdef struct Lattice:
    Py_ssize_t levels
    double stiffness            # NaN before the first solution
    double* log_values          # 2 * levels + 1 of them

cdef struct Market:
    double price                # quote per base
    double sigma                # of the log-price, per square-root second
    double scale                # A and k of the arrival intensity
    double decay

cdef struct Widths:
    double bid_bps
    double ask_bps

# False where the model is none of these or the market is outside its domain.
cdef bint widths_of(
    const QuotingRule* rule, Lattice* lattice, const Market* market, double inventory,
    Widths* widths,
) noexcept nogil
