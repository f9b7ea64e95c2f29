"""The position server: what the bus and the venues tell becomes one ledger, which is published."""
