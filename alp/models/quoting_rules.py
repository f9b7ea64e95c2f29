"""How the built-in desk quotes: each product's maker, the hedge of the LP leg, and the limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from alp.errors import ConfigError
from alp.models.basis import MonitorRules
from alp.models.caution_ladder import Bounds
from alp.models.desk import DeskInstrument
from alp.models.hedge import lot_raw
from alp.models.maker import CalibrationParameters, MakerParameters
from alp.models.pair import TokenPair

PIPS = 1_000_000
SECOND = 10**9
NO_LIMIT = 1 << 80
"""Raw base: more than any token has."""

BASIS_RULES = MonitorRules(
    Bounds(widen=20.0, reduce=50.0, suspend=100.0),
    bounds_z=Bounds(widen=4.0, reduce=6.0, suspend=8.0),
    half_life_ns=60 * SECOND,
    least_scale_bps=3.0,
    max_age_ns=60 * SECOND,
)
"""Those that docs/hedge.md has figures of; a pool has a price once in a block."""


@dataclass(frozen=True, slots=True)
class QuotedProduct:
    """One product that is quoted.

    Parameters
    ----------
    instrument
        Which.
    maker, calibration, measured
        See :class:`~alp.models.maker.MakerCore`.
    share_ppm
        Its part of what may still be added to the combined inventory, in millionths.
    neutral_lots
        What its account holds when nothing is to be leaned against; None: what was first heard. A
        spot account has to hold base to sell any.
    most_lots
        Greatest position, long or short.
    is_spot
        Whether nothing can be sold that is not held.
    """

    instrument: DeskInstrument
    maker: MakerParameters
    calibration: CalibrationParameters = field(default_factory=CalibrationParameters)
    measured: bool = True
    share_ppm: int = PIPS
    neutral_lots: int | None = 0
    most_lots: int = 1 << 40
    is_spot: bool = False

    def __post_init__(self) -> None:
        name = self.instrument.venue
        if not 0 <= self.share_ppm <= PIPS:
            raise ConfigError(f"{name}: a share of {self.share_ppm} ppm is not in 0..1")
        if self.most_lots < 0:
            raise ConfigError(f"{name}: a greatest position of {self.most_lots} lots is negative")
        ours = self.maker.tick_size, self.maker.lot_size
        if ours != (self.instrument.tick_size, self.instrument.lot_size):
            raise ConfigError(f"{name}: its maker counts in other ticks or lots than it does")


@dataclass(frozen=True, slots=True)
class HedgeRules:
    """How the LP leg enters the combined inventory, and what is made of its price.

    Parameters
    ----------
    pair
        The pool's tokens.
    ratio
        A fixed ``h``; None measures the minimum-variance one.
    first_ratio
        Taken until that is measured: the pool and the venue trade the same base. None waits.
    most_ratio
        A measured ratio counts as 0 to this.
    min_correlation
        Under it nothing is quoted, once it is known.
    band_raw
        Combined inventory that is left alone, raw base; more is leaned against by the rest.
    window_ns, sample_ns
        Of ratio and correlation.
    basis
        How pool against venue is judged; None does not.
    """

    pair: TokenPair
    ratio: float | None = None
    first_ratio: float | None = 1.0
    most_ratio: float = 2.0
    min_correlation: float = 0.0
    band_raw: int = 0
    window_ns: int = 86_400 * SECOND
    sample_ns: int = 60 * SECOND
    basis: MonitorRules | None = BASIS_RULES

    def __post_init__(self) -> None:
        if self.band_raw < 0:
            raise ConfigError(f"a band of {self.band_raw} raw base is negative")
        for name, ratio in (("first", self.first_ratio), ("fixed", self.ratio)):
            if ratio is not None and not 0.0 <= ratio <= self.most_ratio:
                raise ConfigError(f"a {name} hedge ratio of {ratio} is not in 0..{self.most_ratio}")


@dataclass(frozen=True, slots=True)
class PegRule:
    """A product whose price has to be one: the coin that a venue quotes in, in the pool's."""

    name: str
    instrument: DeskInstrument
    rules: MonitorRules


@dataclass(frozen=True, slots=True)
class QuotingRules:
    """Everything the built-in desk goes by.

    Parameters
    ----------
    products
        Those quoted.
    base_decimals
        Of the base token: combined inventory is raw base.
    hedge
        None where there is no LP leg.
    pegs
        Coins that are watched.
    most_net_raw
        Greatest combined inventory, raw base.
    hold_ns
        A wish holds so long.
    renew_ns
        It is said again so long after it was said.
    gate_age_ns
        Oldest word of an account's gate to quote on; None where it need not be heard again: until
        it is heard it is open.
    """

    products: tuple[QuotedProduct, ...]
    base_decimals: int
    hedge: HedgeRules | None = None
    pegs: tuple[PegRule, ...] = ()
    most_net_raw: int = NO_LIMIT
    hold_ns: int = 5 * SECOND
    renew_ns: int = SECOND
    gate_age_ns: int | None = 2 * SECOND

    def __post_init__(self) -> None:
        if not self.products:
            raise ConfigError("a desk without a product quotes nothing")
        numbers = [each.instrument.index for each in self.products]
        if len(set(numbers)) < len(numbers):
            raise ConfigError(f"two products of a desk have the same number: {numbers}")
        if sum(each.share_ppm for each in self.products) > PIPS:
            raise ConfigError("the shares of the products add up to more than 1")
        if not 0 < self.renew_ns < self.hold_ns:
            raise ConfigError(
                f"a wish of {self.hold_ns} ns is not said again in time after {self.renew_ns} ns"
            )
        if self.most_net_raw < 0:
            raise ConfigError("the greatest combined inventory is negative")
        for each in self.products:
            lot_raw(each.instrument.lot_size, self.base_decimals)
