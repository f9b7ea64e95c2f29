"""Kraken as a server: spot v2 and Futures, public and private."""
