# One row of a BAR array (alp.data.schema) as C sees it, and the state of a replay over such rows.

from alp._core.division cimport Divisor
from alp._core.lp_ledger cimport MAX_OWN, Ledger, OwnPosition, Sampler
from alp._core.uint256 cimport i64, u64, u128

cdef struct Bar:
    i64 ts_ns
    i64 period_ns
    u64 open_x96[4]
    u64 high_x96[4]
    u64 low_x96[4]
    u64 close_x96[4]
    u64 in0[2]
    u64 in1[2]
    u64 liquidity[2]

cdef struct Run:
    Ledger ledger
    Sampler sampler
    u128 fee0[MAX_OWN]          # uncollected fees of each slot, raw
    u128 fee1[MAX_OWN]
    u64 fee_pips
    Divisor kept           # a million less the fee
    double markup          # fee / (1 - fee)
    int fee_model
    i64 bars
    u128 liquidity         # of the last bar; zero where it does not tell
    double growth0         # fees one unit of liquidity in range all along would have earned, raw
    double growth1


cdef class BarReplay:
    cdef Run run

    cdef OwnPosition* _own(self, int slot) except NULL
