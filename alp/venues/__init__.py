"""Exchanges: endpoints, instruments, subscriptions, and connections that are kept alive."""
