def due_at(
    baseline: tuple[int, int, int],
    holdings: tuple[int, int, tuple[tuple[int, int, int], ...]],
    sqrt_price_x96: int,
    depletion_bps: int,
    price_move_bps: int,
    part_bps: int,
) -> tuple[int, int]: ...
def due_prices(
    baseline: tuple[int, int, int],
    holdings: tuple[int, int, tuple[tuple[int, int, int], ...]],
    depletion_bps: int,
    price_move_bps: int,
    part_bps: int,
) -> tuple[int, int]: ...
