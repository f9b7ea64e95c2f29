"""The Uniswap V3 pool once more, in plain Python integers: slow, literal, easy to hold to the text.

The compiled engine is tested against this twin on random histories. The twin follows the contracts
line by line (nested divisions, one bitmap word at a time, the bit-by-bit logarithm), where the
engine takes shortcuts, so that a shortcut that changes a single unit is seen.
"""
