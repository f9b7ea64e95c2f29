"""alp: asymmetric liquidity provision on Uniswap V3, hedged by passive market making.

Importing this package is cheap on purpose: everything heavy is imported where it is used.
"""

from alp._version import __version__

__all__ = ["__version__"]
