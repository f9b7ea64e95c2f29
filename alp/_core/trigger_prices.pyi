def due_at(
    baseline: tuple[int, int, int],
    holdings: tuple[int, int, tuple[tuple[int, int, int], ...]],
    sqrt_price_x96: int,
    depletion_bps: int,
    price_move_bps: int,
    part_bps: int,
) -> tuple[int, int]: ...
def first_due_above(
    baseline: tuple[int, int, int],
    holdings: tuple[int, int, tuple[tuple[int, int, int], ...]],
    depletion_bps: int,
    price_move_bps: int,
    part_bps: int,
) -> int: ...
def last_due_below(
    baseline: tuple[int, int, int],
    holdings: tuple[int, int, tuple[tuple[int, int, int], ...]],
    depletion_bps: int,
    price_move_bps: int,
    part_bps: int,
) -> int: ...
