MARK_SCALE: int

LedgerSample = tuple[int, int, int, int, int, int, int, float, float]

def mark_price(sqrt_price_x96: int, base_is_token0: bool) -> int: ...
