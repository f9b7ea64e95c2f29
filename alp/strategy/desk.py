"""From the manifest to the desk that decides: backtest, paper and live start here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alp.models.basis import MonitorRules
from alp.models.caution_ladder import Bounds
from alp.models.desk import DeskInstrument
from alp.models.hedge import lots_of
from alp.models.maker import CalibrationParameters
from alp.models.quoting_desk import QuotingDesk
from alp.models.quoting_rules import (
    BASIS_RULES,
    NO_LIMIT,
    PIPS,
    HedgeRules,
    QuotedProduct,
    QuotingRules,
)
from alp.strategy.making import calibration_parameters, maker_parameters
from alp.strategy.manifest import Spec, Strategy

SECOND = 10**9
_SPOT = ("binance-spot", "coinbase-spot", "kraken-spot")
_MOST_LOTS = 1 << 40
# Where A and k are given, sigma alone is measured: known to a fourteenth after so many samples.
_FIRST_MOVES = 100


@dataclass(frozen=True, slots=True)
class DeskOptions:
    """What the manifest does not say yet.

    Parameters
    ----------
    inventory_age_ns, lp_age_ns, gate_age_ns
        Oldest word of a position, the LP leg and an account's gate to quote on; None where it is
        not told again while it is the same, as in a backtest.
    has_lp
        Whether somebody tells what the LP leg holds; without it only the venues' inventory counts.
    neutral_lots
        By product, as text, what its account holds when nothing is leaned against; on spot what is
        first heard, elsewhere nothing.
    """

    inventory_age_ns: int | None = 5 * SECOND
    lp_age_ns: int | None = 90 * SECOND
    gate_age_ns: int | None = 2 * SECOND
    has_lp: bool = True
    neutral_lots: Mapping[str, int] | None = None


NEVER_OLD: dict[str, Any] = {
    "inventory_age_ns": None,
    "lp_age_ns": None,
    "gate_age_ns": None,
}
"""Options for a world in which nothing is told twice."""


def desk_of(
    strategy: Strategy,
    instruments: Sequence[DeskInstrument],
    price: float,
    **options: Any,
) -> QuotingDesk:
    """Return the built-in desk of a strategy.

    Parameters
    ----------
    instruments
        One of each venue of the manifest, by their place there.
    price
        Quote per base when the strategy starts; sizes without a number in the manifest follow it.
    options
        See :class:`DeskOptions`; plain values, so that a record of decisions can hold them.

    Raises
    ------
    ConfigError
        If an order of the model is less than the least that may be sent, or the model has no
        compiled form.
    """
    return QuotingDesk(quoting_rules(strategy, instruments, price, DeskOptions(**options)))


def quoting_rules(
    strategy: Strategy, instruments: Sequence[DeskInstrument], price: float, options: DeskOptions
) -> QuotingRules:
    """Return what the built-in desk goes by; see `desk_of`."""
    spec, pair = strategy.spec, strategy.pair()
    has_lp = spec.hedge.enabled and options.has_lp
    hold_ns = spec.execution.quote_age
    most = spec.limits.max_net_base
    hedge = None
    if has_lp:
        ratio = spec.hedge.ratio
        hedge = HedgeRules(
            pair,
            None if isinstance(ratio, str) else float(ratio),
            min_correlation=float(spec.hedge.min_correlation),
            band_raw=pair.to_raw_base(spec.hedge.no_trade_band_base),
            window_ns=spec.hedge.window,
            basis=None if options.lp_age_ns is None else _basis(spec, options.lp_age_ns),
        )
    return QuotingRules(
        tuple(_product(spec, each, price, options, has_lp=has_lp) for each in instruments),
        pair.base_decimals,
        hedge,
        most_net_raw=NO_LIMIT if most is None else pair.to_raw_base(most),
        hold_ns=hold_ns,
        renew_ns=max(1, hold_ns // 4),
        gate_age_ns=options.gate_age_ns,
    )


def _product(
    spec: Spec, instrument: DeskInstrument, price: float, options: DeskOptions, *, has_lp: bool
) -> QuotedProduct:
    venue = spec.venues[instrument.index]
    maker = maker_parameters(
        spec,
        # Events and wishes count in the instrument's steps, whatever the manifest has.
        venue.model_copy(update={"tick_size": None, "lot_size": None}),
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        price=price,
        min_lots=instrument.min_lots,
    )
    ages = replace(
        maker.ages,
        inventory=options.inventory_age_ns,
        pool=options.lp_age_ns if has_lp else None,
    )
    most_order = min(maker.max_lots, instrument.max_lots)
    if (notional := spec.limits.max_order_notional) is not None:
        # The price may still rise by a quarter.
        lots = lots_of(notional / Decimal(repr(1.25 * price)), maker.lot_size)
        most_order = min(most_order, max(lots, maker.min_lots))
    maker = replace(maker, ages=ages, max_lots=most_order, lot_step=instrument.lot_step)
    is_spot = venue.exchange in _SPOT
    known = (options.neutral_lots or {}).get(str(instrument.index))
    share = spec.venue_shares()[venue.name]
    most = spec.limits.max_venue_base
    return QuotedProduct(
        instrument,
        maker,
        _calibration(spec),
        measured=_is_measured(spec),
        share_ppm=math.floor(share * PIPS),
        neutral_lots=known if is_spot else known or 0,
        most_lots=_MOST_LOTS if most is None else lots_of(most, maker.lot_size),
        is_spot=is_spot,
    )


def _basis(spec: Spec, most_age_ns: int) -> MonitorRules:
    basis = spec.hedge.basis
    bounds = Bounds(float(basis.widen_bps), float(basis.reduce_bps), float(basis.suspend_bps))
    return replace(
        BASIS_RULES, bounds_bps=bounds, half_life_ns=basis.half_life, max_age_ns=most_age_ns
    )


def _is_measured(spec: Spec) -> bool:
    given = spec.model.intensity
    return given.A is None or given.k is None


def _calibration(spec: Spec) -> CalibrationParameters:
    found = calibration_parameters(spec)
    return found if _is_measured(spec) else replace(found, least_samples=_FIRST_MOVES)
