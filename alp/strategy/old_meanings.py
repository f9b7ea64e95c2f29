"""What the original project's settings meant: names, units, and the two readings of FEE_TIER."""

from __future__ import annotations

from decimal import Decimal

STABLE = ("USDC", "USDC.e", "USDbC", "USDT", "DAI")
MODELS = {
    "GLFT": "GLFT",
    "GLFTMODEL": "GLFT",
    "AS": "AvellanedaStoikov",
    "AVELLANEDASTOIKOV": "AvellanedaStoikov",
    "AVELLANEDASTOIKOVMODEL": "AvellanedaStoikov",
}
PLUMBING = ("ZMQ_", "LOG_", "WS_", "MAX_RETRIES", "RETRY_", "TELEGRAM_", "ENABLE_")
WITHOUT_PLACE = {
    "MONITORING_INTERVAL_SECONDS": "alp acts on each block and each market update",
    "MAX_GAS_LIMIT": "what a rebalance may cost is spec.rebalance.maxGasQuote",
    "RISK_FREE_RATE": "results are not discounted",
    "TRADE_DETECTION_THRESHOLD": "recorded swaps are replayed instead of guessed",
    "POSITION_FALLOFF_FACTOR": "positions are valued exactly",
    "DEFAULT_DAILY_VOLATILITY": "volatility is estimated from data",
    "DEFAULT_VOLATILITY": "volatility is estimated from data",
    "MAX_VOLATILITY": "volatility is estimated from data",
    "MIN_VOLATILITY": "volatility is estimated from data",
    "TERMINAL_INVENTORY_PENALTY": "the model has no terminal time",
    "INVENTORY_CONSTRAINT_ACTIVE": "the bound on inventory always holds",
    "UNISWAP_V3_FACTORY": "known from the chain",
    "UNISWAP_V3_POSITION_MANAGER": "known from the chain",
    "UNISWAP_V3_ROUTER": "known from the chain",
    "ASSET_TOKEN": "inventory is always counted in the base token",
}


def meaning_of_fee_tier(written: Decimal) -> tuple[int | None, str]:
    """Return the fee tier in pips that an old FEE_TIER means, and why.

    The original divided it by 10 000 in its simulator (basis points) and passed it unchanged to
    the pool factory (hundredths of a basis point), so that no value was right for both.
    """
    both = "the original's simulator read it as basis points, its pool lookup as 1e-6"
    if written in (Decimal("0.0001"), Decimal("0.0005"), Decimal("0.003"), Decimal("0.01")):
        tier = int(written * 1_000_000)
        return tier, f"a fraction, which is feeTier {tier} ({tier / 100:g} bps)"
    if written in (500, 3000, 10000):
        return int(written), (
            f"{both}; as 1e-6 it is the pool of {written / 100:g} bps, as basis points it would be "
            f"{written / 100:g} %, which no pool has: old backtests used that fee"
        )
    if written in (1, 5, 30):
        tier = int(written * 100)
        return tier, f"{both}; as basis points it is feeTier {tier}, as 1e-6 there is no such pool"
    if written == 100:
        return 10000, (
            f"{both}; both exist: 100 bps is feeTier 10000, taken here as the old comments meant "
            "it; if the 1 bps pool was meant, give --fee-tier 100"
        )
    if written == 50:
        return 500, (
            f"{both}; neither exists; the old comments said 50 = 0.05 %, which is feeTier 500"
        )
    return None, f"{both}; neither exists: give --fee-tier 100, 500, 3000 or 10000"


def bps(fraction: Decimal) -> int:
    """Return a fraction in basis points."""
    return round(fraction * 10_000)


def percent_to_bps(percent: Decimal) -> int:
    """Return a percentage in basis points."""
    return round(percent * 100)


def venue_of(exchange: str, perpetual: bool, base: str, quote: str) -> dict[str, str] | None:
    """Return name, exchange and symbol of a venue, or None where alp does not trade there.

    Parameters
    ----------
    exchange
        The old file's name for it, in any case.
    perpetual
        Whether perpetual futures were traded.
    base, quote
        Symbols of the pool's tokens.
    """
    base, quote = base.removeprefix("W"), quote.removesuffix(".e")
    shapes = {
        "binance": ("binance-usdm" if perpetual else "binance-spot", f"{base}{quote}"),
        "coinbase": ("coinbase-spot", f"{base}-{quote}"),
        "kraken": ("kraken-spot", f"{base}/{quote}"),
    }
    if exchange not in shapes:
        return None
    market, symbol = shapes[exchange]
    return {"name": exchange, "exchange": market, "symbol": symbol}
