"""The pool for other compiled modules: one place to cimport everything from.

``Pool.state`` is the C state; the functions of ``pool_swap``, ``pool_liquidity`` and
``pool_protocol`` work on it without the GIL and without a Python object. They return OK (0) or a
code of ``reverts`` (``raise_revert`` makes an exception of it) and never leave half a change.
"""

from alp._core.pool_liquidity cimport (
    burn_amounts_at,
    pool_burn,
    pool_collect,
    pool_fee_growth_inside,
    pool_load_tick,
    pool_mint,
    pool_position_fees,
)
from alp._core.pool_protocol cimport (
    RangeCumulatives,
    pool_collect_protocol,
    pool_cumulatives_inside,
    pool_flash,
    pool_set_fee_protocol,
)
from alp._core.pool_state cimport (
    PoolState,
    pool_initialize,
    pool_state_copy,
    pool_state_create,
    pool_state_free,
    price_of_tick,
    real_liquidity,
)
from alp._core.pool_swap cimport SwapResult, pool_quote, pool_resync, pool_swap


cdef class Pool:
    cdef PoolState* state
