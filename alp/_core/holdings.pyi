from collections.abc import Sequence

def first_price_with_token0_at_most(
    positions: Sequence[tuple[int, int, int]], limit: int
) -> int: ...
def last_price_with_token1_at_most(
    positions: Sequence[tuple[int, int, int]], limit: int
) -> int: ...
