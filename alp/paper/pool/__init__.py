"""A chain on localhost with one pool of Uniswap V3: the LP leg of paper trading."""
