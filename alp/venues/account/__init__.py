"""One account of a venue kept alive: calls within budgets, private streams, clocks, recovery."""
