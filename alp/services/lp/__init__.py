"""The LP agent: keeps the ranges of one pool, and follows every plan to its proven end."""
