"""From revert codes to exceptions."""

from alp._core.errors import Revert

_REASONS = {
    REVERT_EMPTY: "",
    REVERT_T: "T",
    REVERT_R: "R",
    REVERT_LS: "LS",
    REVERT_LA: "LA",
    REVERT_LO: "LO",
    REVERT_NP: "NP",
    REVERT_LOK: "LOK",
    REVERT_AI: "AI",
    REVERT_AS: "AS",
    REVERT_SPL: "SPL",
    REVERT_TLU: "TLU",
    REVERT_TLM: "TLM",
    REVERT_TUM: "TUM",
    REVERT_L: "L",
    REVERT_F0: "F0",
    REVERT_F1: "F1",
    REVERT_TF: "TF",
    REVERT_I: "I",
    REVERT_OLD: "OLD",
}


cdef int raise_revert(int code) except -1:
    """Raise what ``code`` stands for; does nothing for ``OK``."""
    if code == OK:
        return 0
    if code == ERROR_MEMORY:
        raise MemoryError
    if code == ERROR_GHOST_MIX:
        raise ValueError("this position exists with the other kind of liquidity (real or ghost)")
    raise Revert(_REASONS[code])
