from collections.abc import Iterable, Sequence

def first_price_with_token0_at_most(
    positions: Sequence[tuple[int, int, int]], limit: int
) -> int: ...
def last_price_with_token1_at_most(
    positions: Sequence[tuple[int, int, int]], limit: int
) -> int: ...
def position_amounts(
    sqrt_price_x96: int, tick_lower: int, tick_upper: int, liquidity: int
) -> tuple[int, int]: ...
def held_amounts(
    sqrt_price_x96: int, positions: Iterable[tuple[int, int, int]]
) -> tuple[int, int]: ...
def mint_amounts(
    sqrt_price_x96: int, tick_lower: int, tick_upper: int, amount0: int, amount1: int
) -> tuple[int, int, int]: ...
