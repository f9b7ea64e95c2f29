"""How much may be left unhedged because hedging it costs more, and what an order takes of the rest.

Let the unhedged inventory ``y`` wander with variance rate ``v^2 = Gamma^2 sigma_s^2 + w^2`` (what
gamma makes of the price's moves, and what else comes in), cost ``c`` per base traded, and carrying
it count ``gamma/2 sigma_s^2 y^2`` per second. Held within ``[-b, b]`` by the least trading that
does it, ``y`` is uniform in the long run, its mean square is ``b^2/3`` and base is traded at the
rate ``v^2/(2b)``. So a band costs ``J(b) = gamma sigma_s^2 b^2 / 6 + c v^2 / (2b)`` per second,
least where ``b^3 = 3/2 * c * v^2 / (gamma sigma_s^2)``, and without ``w``

``b = (3/2 * c * Gamma^2 / gamma)^(1/3)``.

That is the half-width of Whalley and Wilmott (1997, Mathematical Finance 7, 307-324), whose ``k S``
is ``c``, and for a general target of Kallsen and Muhle-Karbe (2017, Mathematical Finance 27,
659-703). It is asymptotic: good while ``b`` is small against what the range holds. At the edge only
as much is traded as brings ``y`` back to it. Gas is not part of ``c``: the hedge trades on venues.

All that is for an inventory watched without pause. Watched at intervals it has left the band when
that is seen, on average by 0.5826 of its standard deviation in one (Broadie, Glasserman and Kou
1997, Mathematical Finance 7, 325-349), as if the band were so much wider: `watched_at_intervals`
takes that off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from alp.errors import ConfigError
from alp.models.quoting import require_finite, require_not_negative, require_positive

_PIPS = 1_000_000
_OVERSHOOT = 0.5825971579390107  # -zeta(1/2) / sqrt(2 pi)


@dataclass(frozen=True, slots=True)
class HedgeCost:
    """What trading one base costs against mid, in basis points of the price.

    Parameters
    ----------
    fee_bps
        The venue's fee; negative for a rebate.
    half_spread_bps
        Half the spread, where the hedge takes.
    impact_bps
        Further slippage of an order of the usual size.
    """

    fee_bps: float
    half_spread_bps: float = 0.0
    impact_bps: float = 0.0

    def __post_init__(self) -> None:
        require_finite(fee_bps=self.fee_bps)
        require_not_negative(half_spread_bps=self.half_spread_bps, impact_bps=self.impact_bps)

    @property
    def bps(self) -> float:
        """All of it; negative where a rebate is more than the rest."""
        return self.fee_bps + self.half_spread_bps + self.impact_bps

    def per_base(self, price: float) -> float:
        """Return ``c``, quote per base; a rebate counts as no cost, so that no band comes of it."""
        return max(0.0, self.bps) * 1e-4 * price


def band_base(
    *,
    cost_per_base: float,
    gamma: float,
    risk_aversion: float,
    sigma_price: float = 0.0,
    inflow: float = 0.0,
) -> float:
    """Return the half-width of the no-trade band in whole base.

    Parameters
    ----------
    cost_per_base
        ``c``, quote per base traded.
    gamma
        Change of the inventory to hedge per unit of price, whole base per quote; its sign does not
        matter.
    risk_aversion
        Per quote, as of the quoting models.
    sigma_price, inflow
        ``sigma_s`` in quote per base per square-root second, and ``w`` in base per square-root
        second: inventory that comes in whatever the price does, such as own fills. Without it the
        volatility cancels and is not needed.

    Raises
    ------
    ConfigError
        If a value is not a number of its domain, or there is an inflow and no volatility.
    """
    require_positive(risk_aversion=risk_aversion)
    require_finite(gamma=gamma)
    require_not_negative(cost_per_base=cost_per_base, sigma_price=sigma_price, inflow=inflow)
    exposure = gamma * gamma
    if inflow > 0.0:
        require_positive(sigma_price=sigma_price)
        exposure += (inflow / sigma_price) ** 2
    return math.cbrt(1.5 * cost_per_base * exposure / risk_aversion)


def watched_at_intervals(width: float, step: float) -> float:
    """Return the band for an inventory that is looked at only now and then.

    Parameters
    ----------
    width
        The band for one that is watched without pause.
    step
        Standard deviation of the inventory's change between two looks, in the same unit.
    """
    require_not_negative(width=width, step=step)
    return max(0.0, width - _OVERSHOOT * step)


def cost_of_band(
    band: float,
    *,
    cost_per_base: float,
    gamma: float,
    risk_aversion: float,
    sigma_price: float,
    inflow: float = 0.0,
) -> tuple[float, float]:
    """Return what a band costs in quote per second: by trading at its edge, and by carrying."""
    require_positive(band=band)
    variance = (gamma * sigma_price) ** 2 + inflow**2
    trading = cost_per_base * variance / (2.0 * band)
    carrying = risk_aversion * (sigma_price * band) ** 2 / 6.0
    return trading, carrying


@dataclass(frozen=True, slots=True)
class BandRule:
    """The band from cost, within bounds.

    Parameters
    ----------
    risk_aversion
        Per quote.
    cost
        Of one hedge trade.
    base_decimals
        Of the base token.
    least_raw, most_raw
        Bounds of the band in raw base; no upper one for None.
    interval_s
        Seconds between two looks at the inventory; 0 where every change is looked at.
    """

    risk_aversion: float
    cost: HedgeCost
    base_decimals: int
    least_raw: int = 0
    most_raw: int | None = None
    interval_s: float = 0.0

    def __post_init__(self) -> None:
        require_positive(risk_aversion=self.risk_aversion)
        require_not_negative(interval_s=self.interval_s)
        if self.least_raw < 0 or (self.most_raw is not None and self.most_raw < self.least_raw):
            raise ConfigError(f"a band of {self.least_raw} to {self.most_raw} raw is none")

    def band_raw(
        self, *, price: float, gamma: float, sigma_price: float = 0.0, inflow: float = 0.0
    ) -> int:
        """Return the half-width in raw base, rounded down; arguments as of `band_base`."""
        width = band_base(
            cost_per_base=self.cost.per_base(price),
            gamma=gamma,
            risk_aversion=self.risk_aversion,
            sigma_price=sigma_price,
            inflow=inflow,
        )
        step = math.hypot(gamma * sigma_price, inflow) * math.sqrt(self.interval_s)
        width = watched_at_intervals(width, step)
        raw = max(math.floor(width * 10.0**self.base_decimals), self.least_raw)
        return raw if self.most_raw is None else min(raw, self.most_raw)


class Aim(StrEnum):
    """How far a hedge goes once the inventory is outside its band."""

    ZERO = "ZERO"
    """To no inventory at all: best where each order costs something of its own."""
    EDGE = "EDGE"
    """To the edge of the band: best where the cost is proportional."""


@dataclass(frozen=True, slots=True)
class OrderSizes:
    """What orders a venue takes.

    Parameters
    ----------
    lot_raw
        Raw base of one lot.
    min_lots, max_lots
        Bounds of one order.
    """

    lot_raw: int
    min_lots: int
    max_lots: int

    def __post_init__(self) -> None:
        if self.lot_raw <= 0 or not 0 < self.min_lots <= self.max_lots:
            raise ConfigError(
                f"lots of {self.lot_raw} raw, orders of {self.min_lots} to {self.max_lots} lots: "
                "all must be positive and in order"
            )

    @property
    def least_raw(self) -> int:
        """Raw base of the smallest order."""
        return self.min_lots * self.lot_raw

    def fit(self, amount_raw: int) -> int:
        """Return how many lots of a signed amount one order takes, rounded towards zero."""
        lots = min(abs(amount_raw) // self.lot_raw, self.max_lots)
        if lots < self.min_lots:
            return 0
        return lots if amount_raw > 0 else -lots


class Sizing(NamedTuple):
    """What is traded and what is carried; ``wanted = lots * lot_raw + residual`` to the unit.

    Attributes
    ----------
    lots
        Signed, positive to buy.
    residual_raw
        Of the inventory that this venue answers for: what stays after the order, signed.
    outside
        Whether the inventory is outside its band.
    """

    lots: int
    residual_raw: int
    outside: bool


def size_order(
    inventory_raw: int,
    band_raw: int,
    sizes: OrderSizes,
    *,
    aim: Aim = Aim.EDGE,
    share_ppm: int = _PIPS,
) -> Sizing:
    """Return the order against an inventory.

    What is less than the venue's smallest order is carried in base units until it is enough.

    Parameters
    ----------
    inventory_raw
        Combined inventory, signed.
    band_raw
        Half-width of the band.
    share_ppm
        This venue's part of what is to be traded.
    """
    mine = inventory_raw * share_ppm // _PIPS
    outside = abs(inventory_raw) > band_raw
    if not outside:
        return Sizing(0, mine, outside)
    excess = abs(inventory_raw) - (band_raw if aim is Aim.EDGE else 0)
    part = excess * share_ppm // _PIPS
    lots = sizes.fit(-part if inventory_raw > 0 else part)
    return Sizing(lots, mine + lots * sizes.lot_raw, outside)
