"""Uniswap V3 beyond the pool: position manager, router, quoter, RPC."""
