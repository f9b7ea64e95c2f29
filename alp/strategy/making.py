"""From the manifest to the market maker's parameters: backtest, paper and live start here."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from alp._core.maker import Touch
from alp.models.hedge import lots_of
from alp.models.maker import CalibrationParameters, InputAges, MakerParameters
from alp.strategy.manifest import Spec
from alp.strategy.parameters import hedge_recipe
from alp.strategy.venues import Venue

_SECOND_NS = 10**9
_SAMPLE_NS = 100_000_000
_MOST_DRIFT_AGE_NS = 10 * _SAMPLE_NS
_MOST_SAMPLES = 1 << 20
# Ten minutes of samples are enough to begin with.
_FIRST_SAMPLES = 6000
_MOST_LOTS = 1 << 40


def maker_parameters(
    spec: Spec,
    venue: Venue,
    *,
    tick_size: Decimal,
    lot_size: Decimal,
    price: float,
    min_lots: int = 1,
) -> MakerParameters:
    """Return how one venue's account is quoted.

    Parameters
    ----------
    tick_size, lot_size, min_lots
        Of the instrument; the manifest's own sizes come before them.
    price
        Quote per base when the strategy starts; sizes without a number in the manifest follow it.

    Raises
    ------
    ConfigError
        If an order of the model is less than the least that may be sent, or the model has no
        compiled form.
    """
    tick, lot = venue.tick_size or tick_size, venue.lot_size or lot_size
    recipe = replace(hedge_recipe(spec, price), exact=spec.model.exact)
    quoting = spec.quoting
    largest = venue.order.max_base
    age = spec.limits.max_data_age
    ticks_per_bps = Decimal(repr(price)) / 10_000 / tick
    size = recipe.order_size_base
    sizes = [size * quoting.level_size_factor**level for level in range(quoting.levels)]
    return MakerParameters(
        quoting=recipe,
        tick_size=tick,
        lot_size=lot,
        level_lots=tuple(lots_of(Decimal(repr(each)), lot) for each in sizes),
        min_lots=max(min_lots, math.ceil(Fraction(venue.order.min_base) / Fraction(lot))),
        max_lots=_MOST_LOTS if largest is None else lots_of(largest, lot),
        step_ticks=max(1, round(quoting.level_step_bps * ticks_per_bps)),
        step_share=quoting.level_step_share,
        maker_fee_bps=float(venue.maker_fee_bps),
        least_edge_bps=quoting.least_edge_bps,
        spread_factor=quoting.spread_factor,
        skew_factor=quoting.skew_factor,
        microprice_weight=float(quoting.microprice_weight),
        drift_weight_s=quoting.drift_horizon / _SECOND_NS,
        most_shift_ticks=float(quoting.max_shift_bps * ticks_per_bps),
        collar_ticks=int(spec.limits.price_collar_bps * ticks_per_bps),
        asymmetry_bps=quoting.asymmetry_bps,
        price_hysteresis_ticks=spec.execution.min_move_ticks - 1,
        inventory_hysteresis_lots=int(quoting.inventory_hysteresis_base / lot),
        touch=Touch[quoting.touch.upper()],
        ages=InputAges(
            book=age,
            pool=age if spec.hedge.enabled else None,
            drift=_MOST_DRIFT_AGE_NS if quoting.drift_horizon else None,
        ),
    )


def calibration_parameters(spec: Spec) -> CalibrationParameters:
    """Return how ``A``, ``k`` and sigma of a venue's book are measured."""
    samples = min(spec.model.intensity.calibrate_window // _SAMPLE_NS, _MOST_SAMPLES)
    window = max(samples, _FIRST_SAMPLES)
    return CalibrationParameters(
        interval_ns=_SAMPLE_NS, window=window, least_samples=_FIRST_SAMPLES
    )
