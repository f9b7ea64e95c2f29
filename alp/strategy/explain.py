"""What a manifest means: its settings with defaults, what follows from them, decisions in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alp.models.pair import TokenPair
from alp.models.ranges import (
    PlannedRange,
    RangeLimits,
    Side,
    Widths,
    first_widths,
    single_sided_ranges,
    width_bps,
)
from alp.strategy.catalogue import Entry, find
from alp.strategy.decisions import Hedge, Model, Rebalance
from alp.strategy.manifest import Spec, Strategy
from alp.strategy.problems import Path, write_path
from alp.strategy.units import write_decimal, write_duration


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of the effective manifest.

    Parameters
    ----------
    path
        Keys and list indices from the root.
    value
        As YAML would write it.
    given
        Whether the manifest says it, rather than leaving it to its default.
    """

    path: Path
    value: Any
    given: bool

    @property
    def where(self) -> str:
        """The path in YAML spelling."""
        return write_path(self.path)


@dataclass(frozen=True, slots=True)
class RangeAtPrice:
    """A range as the pool would hold it at a given price.

    Parameters
    ----------
    title
        Which width it shows.
    side
        ``bid`` below the price in quote per base, ``ask`` above.
    width_bps
        After snapping to the tick spacing.
    price_lower, price_upper
        Quote per base.
    """

    title: str
    side: str
    tick_lower: int
    tick_upper: int
    width_bps: float
    price_lower: float
    price_upper: float


def settings(strategy: Strategy) -> list[Setting]:
    """Return every value of the effective manifest, in its order."""
    written = strategy.written()
    return [
        Setting(path, value, _has(written, path)) for path, value in _leaves(strategy.effective())
    ]


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    elif value != []:
        yield path, value


def _has(content: Any, path: Path) -> bool:
    for part in path:
        if isinstance(content, dict) and part not in content:
            return False
        content = content[part]
    return True


def pool_facts(strategy: Strategy) -> dict[str, str]:
    """Return what follows from the pool's description: name of the fact -> sentence."""
    pool = strategy.spec.pool
    pair = strategy.pair()
    base, quote = pair.base_symbol, pair.quote_symbol
    token0, token1 = (base, quote) if pair.base_is_token0 else (quote, base)
    derived = pool.derived_address()
    return {
        "address": derived or "unknown: a token's address or the factory is not given",
        "token order": f"token0 is {token0}, token1 is {token1}; prices are {quote} per {base}",
        "fee": f"{_percent(Decimal(pair.fee_pips) / 100)} of what is swapped in",
        "tick spacing": f"{pair.tick_spacing}: a range's edges lie on multiples of it, about "
        f"{pair.tick_spacing} bps apart",
        "gas": f"paid in {pool.network.native}"
        + (", valued at the pool's own price" if pool.base_is_native else ""),
    }


def ranges_at(strategy: Strategy, price: Decimal) -> list[RangeAtPrice]:
    """Return the first, the narrowest and the widest ranges at a price (quote per base).

    Raises
    ------
    ConfigError
        If the price is not positive or beyond the pool's ticks.
    """
    pair = strategy.pair()
    chosen = strategy.spec.ranges
    limits = RangeLimits(chosen.base_spread_bps, chosen.min_width_bps, chosen.max_width_bps)
    tick = pair.price_to_tick(float(price))
    shown = {
        "first mint": first_widths(limits),
        "narrowest": Widths(limits.min_width_bps, limits.min_width_bps),
        "widest": Widths(limits.max_width_bps, limits.max_width_bps),
    }
    return [
        _at_price(title, planned, pair)
        for title, widths in shown.items()
        for planned in single_sided_ranges(pair, tick, widths)
    ]


def _at_price(title: str, planned: PlannedRange, pair: TokenPair) -> RangeAtPrice:
    low, high = sorted(pair.tick_to_price(tick) for tick in planned.ticks)
    return RangeAtPrice(
        title=title,
        side=Side(planned.side).value,
        tick_lower=planned.tick_lower,
        tick_upper=planned.tick_upper,
        width_bps=width_bps(*planned.ticks),
        price_lower=low,
        price_upper=high,
    )


def in_words(strategy: Strategy) -> list[str]:
    """Return what the strategy will do, one sentence for each decision."""
    spec = strategy.spec
    base, quote = spec.pool.base, spec.pool.quote
    held = spec.inventory
    sentences = [
        f"Starts with {write_decimal(held.base)} {base} and {write_decimal(held.quote)} {quote}, "
        f"and wants {_percent(held.target_base_share_bps)} of their value in {base}.",
        _model_sentence(spec.model, quote),
        f"Opens a range on each side of the price, each {_percent(spec.ranges.base_spread_bps)} "
        f"wide. Later widths are {_percent(spec.ranges.min_width_bps)} to "
        f"{_percent(spec.ranges.max_width_bps)}: narrow where there is too much of a token, wide "
        "where there is too little.",
        *_rebalance_sentences(spec.rebalance, quote),
        _hedge_sentence(spec, base),
    ]
    if spec.mode == "live":
        sentences.append("Trades live: real orders and transactions.")
    return sentences


def _model_sentence(model: Model, quote: str) -> str:
    how = f"{model.horizon_in_use} horizon"
    if model.horizon_in_use != "stationary":
        how += f" of {write_duration(model.horizon)}"
    given = model.intensity
    arrivals = (
        f"order arrivals calibrated from the last {write_duration(given.calibrate_window)}"
        if given.calibrated
        else f"order arrivals A = {given.A:g}/s, k = {given.k:g}/{quote}"
    )
    volatility = model.volatility
    return (
        f"Decides by {model.kind}, {how}, risk aversion {model.risk_aversion:g} per {quote}; "
        f"{arrivals}; {volatility.estimator} volatility of the last "
        f"{write_duration(volatility.window)}."
    )


def _rebalance_sentences(rule: Rebalance, quote: str) -> list[str]:
    triggers = []
    if rule.inventory_deviation_bps < 10_000:
        triggers.append(
            f"a token is depleted by more than {_percent(rule.inventory_deviation_bps)}"
        )
    if rule.price_move_bps:
        triggers.append(f"the price moved by more than {_percent(rule.price_move_bps)}")
    if not triggers:
        return ["Never rebalances: both triggers are off."]
    sentences = [
        f"Considers a rebalance when {' or '.join(triggers)} since the last one. A refused one is "
        f"considered again once the measure fell by {_percent(rule.hysteresis_bps)} of the "
        "threshold and crossed it again."
    ]
    guards = [f"within {write_duration(rule.cooldown)} of the last one"] if rule.cooldown else []
    if rule.twap_guard_bps:
        guards.append(
            f"while the price is more than {_percent(rule.twap_guard_bps)} from its average of the "
            f"last {write_duration(rule.twap_window)}"
        )
    guards.append(f"for gas above {write_decimal(rule.max_gas_quote)} {quote}")
    sentences.append(
        f"Refuses it {', '.join(guards[:-1])}{' or ' * (len(guards) > 1)}{guards[-1]}."
    )
    if rule.weigh_benefit:
        sentences.append(
            f"Does it if fees minus LVR minus hedge of the next {write_duration(rule.horizon)} "
            f"beat staying by gas and swap, {_percent(rule.margin_bps)} of them on top, and "
            f"{write_decimal(rule.min_benefit_quote)} {quote}."
        )
    else:
        sentences.append("Does it whatever it costs: its benefit is not weighed.")
    if rule.swap == "toTarget":
        sentences.append("Swaps to the target share when it rebalances.")
    return sentences


def _hedge_sentence(spec: Spec, base: str) -> str:
    hedge: Hedge = spec.hedge
    if not hedge.enabled:
        return "Does not hedge."
    ratio = (
        f"the minimum-variance ratio of the last {write_duration(hedge.window)}"
        if isinstance(hedge.ratio, str)
        else f"{write_decimal(hedge.ratio)} times"
    )
    shares = ", ".join(
        f"{name} {_percent(share * 10_000)}" for name, share in spec.venue_shares().items()
    )
    return (
        f"Hedges {ratio} the deviation passively once it exceeds "
        f"{write_decimal(hedge.no_trade_band_base)} {base} ({shares}); stops while the correlation "
        f"is below {write_decimal(hedge.min_correlation)}."
    )


def _percent(bps: int | Decimal) -> str:
    return f"{write_decimal(round(Decimal(bps) / 100, 4))} %"


def field_at(strategy: Strategy, path: Path) -> tuple[Entry | None, Any, bool]:
    """Return what a path names, its effective value (None where absent), whether it was given."""
    value: Any = strategy.effective()
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
            break
    return find(path), value, value is not None and _has(strategy.written(), path)
