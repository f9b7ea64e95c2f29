"""Binance as a server: USD-M futures and spot, public and private."""
