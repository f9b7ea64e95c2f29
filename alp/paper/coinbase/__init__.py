"""Coinbase Advanced as a server, public and private."""
