"""Decisions in words of the trade: quoting, ranges, hedge, rebalance economics. Pure functions and objects, no I/O."""
