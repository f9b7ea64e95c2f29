"""Codes of the contracts' ``require`` statements, as C functions return them (0 is success).

Functions that can revert return one of these and leave the state they were given untouched;
``raise_revert`` turns a code into :class:`alp._core.errors.Revert` at the edge to Python.
"""

cdef enum RevertCode:
    OK = 0
    REVERT_EMPTY        # "": overflow in a SafeMath, a bare require, division by zero
    REVERT_T            # TickMath: tick out of range
    REVERT_R            # TickMath: price out of range
    REVERT_LS           # LiquidityMath: subtraction
    REVERT_LA           # LiquidityMath: addition
    REVERT_LO           # Tick: more than maxLiquidityPerTick
    REVERT_NP           # Position: poke of an empty position
    REVERT_LOK          # pool not initialised
    REVERT_AI           # already initialised
    REVERT_AS           # amount specified is zero
    REVERT_SPL          # price limit on the wrong side or out of range
    REVERT_TLU          # lower tick not below upper
    REVERT_TLM          # lower tick below the minimum
    REVERT_TUM          # upper tick above the maximum
    REVERT_L            # flash without liquidity
    REVERT_F0           # flash: token0 paid back too little
    REVERT_F1           # flash: token1 paid back too little
    REVERT_TF           # transfer failed: the pool does not own that much
    REVERT_I            # oracle not initialised
    REVERT_OLD          # oracle: asked for more history than is kept
    ERROR_MEMORY        # not a revert: an allocation failed
    ERROR_GHOST_MIX     # not a revert: a position cannot be real and ghost at once

cdef int raise_revert(int code) except -1
