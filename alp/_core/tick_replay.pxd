# The backtest on levels and trades as Python sees it; see ``tick_world.pxd`` for what is below.

from alp._core.tick_world cimport (
    PHASE_ENDED,
    PHASE_LIVE,
    PHASE_SENT,
    Decide,
    TickOrder,
    TickWorld,
    tick_advance,
    tick_amend,
    tick_cancel,
    tick_look_away,
    tick_next,
    tick_run,
    tick_send,
    tick_sweep,
)


cdef class TickReplay:
    cdef TickWorld world
    cdef object _held           # arrays that the world points into
