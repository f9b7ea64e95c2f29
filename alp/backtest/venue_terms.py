"""What the manifest says of a venue, on the steps of a recording: sizes, fees, the hedge."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil

from alp.backtest.cefi import Instrument
from alp.backtest.setup import Setup
from alp.errors import ConfigError
from alp.models.hedge import HedgeCore, HedgeParameters, lot_raw, lots_of
from alp.strategy.parameters import hedge_recipe
from alp.strategy.venues import Venue

PPM = 1_000_000


@dataclass(frozen=True)
class VenueTerms:
    """A venue's product, and the steps its prices and sizes come in, in the recording's units."""

    instrument: Instrument
    price_step: int
    lot_step: int

    @classmethod
    def build(cls, setup: Setup, venue: Venue, tick: Decimal, lot: Decimal) -> VenueTerms:
        """Return a venue's terms on a recording of these ticks and lots.

        Raises
        ------
        ConfigError
            If the manifest's steps are not multiples of the recording's.
        """
        spec, pair = setup.spec, setup.pair
        price_step = _steps(venue, "tickSize", venue.tick_size, tick)
        lot_step = _steps(venue, "lotSize", venue.lot_size, lot)
        least = max(ceil(Fraction(venue.order.min_base) / Fraction(lot)), lot_step)
        most = venue.order.max_base
        biggest = PPM * lot_step if most is None else max(lots_of(most, lot), least)
        notional = spec.limits.max_order_notional
        if notional is not None:
            price = Decimal(repr(pair.sqrt_x96_to_price(setup.driver.sqrt_price_x96)))
            biggest = max(min(biggest, lots_of(notional / price, lot)), least)
        instrument = Instrument(
            venue=venue.name,
            symbol=venue.symbol,
            tick_size=tick,
            lot_size=lot,
            min_lots=least,
            max_lots=biggest,
            maker_fee_bps=venue.maker_fee_bps,
            base_decimals=pair.base_decimals,
            quote_decimals=pair.quote_decimals,
        )
        return cls(instrument, price_step, lot_step)

    def hedge(self, setup: Setup, share: Decimal, sample_ns: int) -> HedgeCore:
        """Return the core that hedges here.

        Parameters
        ----------
        share
            This venue's part of the hedge.
        sample_ns
            How often prices are taken into the estimate of the hedge ratio.
        """
        spec, pair, own = setup.spec, setup.pair, self.instrument
        ratio = spec.hedge.ratio
        return HedgeCore(
            HedgeParameters(
                quoting=hedge_recipe(spec, pair.sqrt_x96_to_price(setup.driver.sqrt_price_x96)),
                lot_raw=lot_raw(own.lot_size, pair.base_decimals),
                min_lots=own.min_lots,
                max_lots=own.max_lots,
                tick_size=own.tick_size,
                base_decimals=pair.base_decimals,
                ratio=None if isinstance(ratio, str) else float(ratio),
                min_correlation=float(spec.hedge.min_correlation),
                band_raw=pair.to_raw_base(spec.hedge.no_trade_band_base),
                share_ppm=int(share * PPM),
                max_unhedged_ns=spec.hedge.max_unhedged_age,
            ),
            window_ns=spec.hedge.window,
            sample_ns=sample_ns,
        )


def _steps(venue: Venue, name: str, wanted: Decimal | None, recorded: Decimal) -> int:
    """How many of the recording's units one of the venue's steps is."""
    if wanted is None:
        return 1
    steps = Fraction(wanted) / Fraction(recorded)
    if steps.denominator != 1:
        raise ConfigError(
            f"spec.venues {venue.name}: {name} {wanted} is not a multiple of the recording's "
            f"{recorded}",
            hint=f"set the recording's {name} in spec.backtest.data, or leave the venue's out",
        )
    return int(steps)
