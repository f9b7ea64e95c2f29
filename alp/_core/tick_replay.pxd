# The backtest on levels and trades as Python sees it; see ``tick_world.pxd`` for what is below.

from alp._core.tick_world cimport (
    Decide,
    TickWorld,
    tick_amend,
    tick_cancel,
    tick_look_away,
    tick_run,
    tick_send,
    tick_sweep,
)


cdef class TickReplay:
    cdef TickWorld world
    cdef object _held           # arrays that the world points into
