"""What gas costs: a constant or a base-fee series, valued in the ledger.

A cost is an integer in wei of the chain's native token and, through the mark price at the time
of inclusion, an exact ledger value in the quote token (rounded up: a cost is never understated).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from alp._core.lp_ledger import MARK_SCALE
from alp.errors import ConfigError
from alp.models.pair import Q96, TokenPair

GWEI = 10**9
WEI_DECIMALS = 18


@dataclass(frozen=True)
class GasPrice:
    """Base fee over time plus a constant tip, both in wei per gas.

    Attributes
    ----------
    times_ns
        Start of validity of each base fee, ascending, nanoseconds UTC. Empty for a constant.
    base_fees_wei
        As many as ``times_ns``; a single entry where ``times_ns`` is empty.
    priority_fee_wei
        Tip per gas.
    """

    base_fees_wei: Sequence[int]
    times_ns: Sequence[int] = field(default_factory=tuple)
    priority_fee_wei: int = 0

    @classmethod
    def constant(cls, base_fee_gwei: Decimal, priority_fee_gwei: Decimal) -> GasPrice:
        """Return one price for the whole run."""
        return cls((_to_wei(base_fee_gwei),), (), _to_wei(priority_fee_gwei))

    @classmethod
    def series(cls, rows: Iterable[tuple[int, int]], priority_fee_gwei: Decimal) -> GasPrice:
        """Return prices from ``(ts_ns, base_fee_wei)`` rows in ascending time.

        Raises
        ------
        ConfigError
            If there are no rows or time goes backwards.
        """
        times: list[int] = []
        fees: list[int] = []
        for ts_ns, fee_wei in rows:
            if times and ts_ns < times[-1]:
                raise ConfigError(
                    f"base-fee series goes back in time at {ts_ns} (after {times[-1]})",
                    hint="sort the series by time",
                )
            times.append(ts_ns)
            fees.append(fee_wei)
        if not times:
            raise ConfigError("base-fee series is empty")
        return cls(tuple(fees), tuple(times), _to_wei(priority_fee_gwei))

    def base_fee_at(self, ts_ns: int) -> int:
        """Return the base fee in wei at ``ts_ns``; the first one before the series begins."""
        if not self.times_ns:
            return self.base_fees_wei[0]
        return self.base_fees_wei[max(0, bisect_right(self.times_ns, ts_ns) - 1)]

    def price_at(self, ts_ns: int) -> int:
        """Return base fee plus tip in wei per gas at ``ts_ns``."""
        return self.base_fee_at(ts_ns) + self.priority_fee_wei


def _to_wei(gwei: Decimal) -> int:
    wei = gwei * GWEI
    if wei != wei.to_integral_value() or wei < 0:
        raise ConfigError(
            f"a gas price must be a whole number of wei and not negative: {gwei} gwei"
        )
    return int(wei)


@dataclass(frozen=True)
class NativePrice:
    """How native wei become quote value.

    Either the base token is the wrapped native token (its mark is the price), or a constant price
    in quote raw units per native token (10^18 wei) is given.
    """

    base_is_native: bool
    quote_raw_per_native: int | None = None

    def value(self, wei: int, mark: int) -> int:
        """Return the ledger value of ``wei`` at a mark price, rounded up.

        Raises
        ------
        ConfigError
            If there is no price for the native token.
        """
        if self.base_is_native:
            return wei * mark
        if self.quote_raw_per_native is None:
            raise ConfigError(
                "gas cannot be valued: the base token is not the chain's wrapped native token",
                hint="set spec.backtest.gas.nativePriceQuote",
            )
        value: int = -(-wei * self.quote_raw_per_native * MARK_SCALE // 10**WEI_DECIMALS)
        return value

    def mark_x96(self, pair: TokenPair, sqrt_price_x96: int) -> int:
        """Return raw quote per wei times 2^96 at a sqrt price; zero where it is not known."""
        if self.base_is_native:
            return pair.mark_x96(sqrt_price_x96)
        return self._constant_mark_x96

    @cached_property
    def _constant_mark_x96(self) -> int:
        mark: int = (self.quote_raw_per_native or 0) * Q96 // 10**WEI_DECIMALS
        return mark
