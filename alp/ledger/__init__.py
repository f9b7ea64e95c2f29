"""The ledger: double entry for the liquidity position and the venue accounts alike, with proof."""
