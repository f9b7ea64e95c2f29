"""Decisions in words of the trade: quoting, ranges, hedge, rebalance economics.

Pure functions and objects: no clock, no file, no socket. The backtest and the live agent call
the same ones.
"""
