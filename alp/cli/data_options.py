"""Options of the ``alp data`` commands that say what a file does not say itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from alp.errors import ConfigError

if TYPE_CHECKING:
    from alp.models.pair import TokenPair

Function = TypeVar("Function", bound=Callable[..., Any])

KINDS = ("pool_events", "bars", "candles", "trades", "liquidity", "base_fee")
DIRECTIONS = ("auto", "quotePerBase", "basePerQuote")
TICK_SPACINGS = {100: 1, 500: 10, 3000: 60, 10000: 200}
_MONEY = {"USDC", "USDC.E", "USDT", "DAI", "USD", "FRAX", "LUSD", "PYUSD", "USDS", "GUSD"}
_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}


def decimal_value(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Decimal | None:
    """Read a positive decimal."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is not a number") from None
    if not value.is_finite() or value <= 0:
        raise click.BadParameter(f"{text} is not a positive number")
    return value


def period_value(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    """Read a length of time such as ``5m`` as ns."""
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in _NS or not int(number):
        raise click.BadParameter(f"{text!r} is not a length of time such as 30s, 5m, 1h or 1d")
    return int(number) * _NS[unit]


def reading_options(function: Function) -> Function:
    """Add the options of :class:`alp.data.ReadOptions`, the pair among them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS = (
    click.option("--kind", type=click.Choice(KINDS), help="What to read a file as."),
    click.option("--format", "format_name", help="The format's name, if it is not recognised."),
    click.option(
        "--manifest",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Take the pool's tokens from this manifest.",
    ),
    click.option(
        "--tokens",
        metavar="SYM:DEC/SYM:DEC",
        help="The pool's tokens with their decimals, token0 first: USDC:6/WETH:18.",
    ),
    click.option("--base", help="Which of the tokens is the risky one.  [default: not the dollar]"),
    click.option(
        "--fee-tier",
        type=click.Choice([str(fee) for fee in TICK_SPACINGS]),
        default="500",
        show_default=True,
        help="The pool's fee in pips; with --tokens.",
    ),
    click.option("--pool", metavar="0x...", help="Keep this pool's rows of a file with several."),
    click.option(
        "--direction",
        type=click.Choice(DIRECTIONS),
        default="auto",
        show_default=True,
        help="How the prices of a pool's OHLC file are quoted.",
    ),
    click.option("--period", callback=period_value, help="Length of bars or candles, such as 5m."),
    click.option("--tick-size", callback=decimal_value, help="The venue's price unit."),
    click.option("--lot-size", callback=decimal_value, help="The venue's quantity unit."),
    click.option("--at-block", type=click.IntRange(0), help="Liquidity at the end of this block."),
    click.option(
        "--utc-offset", type=click.IntRange(-14, 14), help="Hours the file's clock leads."
    ),
    click.option("--unit", type=click.Choice(("wei", "gwei")), help="Unit of a base fee column."),
    click.option(
        "--lenient", is_flag=True, help="Note swaps whose price contradicts their amounts."
    ),
)


def read_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of :func:`alp.data.open_source` for the options of a command line.

    Raises
    ------
    ConfigError
        If the tokens are not understood.
    """
    pair = _pair(given["manifest"], given["tokens"], given["base"], int(given["fee_tier"]))
    arguments = {
        "kind": given["kind"],
        "format": given["format_name"],
        "pair": pair,
        "pool": given["pool"],
        "direction": given["direction"],
        "period_ns": given["period"],
        "tick_size": given["tick_size"],
        "lot_size": given["lot_size"],
        "at_block": given["at_block"],
        "utc_offset_hours": given["utc_offset"],
        "unit": given["unit"],
        "strict": not given["lenient"],
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _pair(
    manifest: Path | None, tokens: str | None, base: str | None, fee_pips: int
) -> TokenPair | None:
    if manifest is not None:
        if tokens is not None:
            raise ConfigError("--manifest and --tokens both name the pool's tokens: give one")
        from alp.strategy import load_manifest

        return load_manifest(manifest).pair()
    if tokens is None:
        return None
    from alp.models.pair import TokenPair

    try:
        (symbol0, decimals0), (symbol1, decimals1) = (
            (symbol, int(decimals))
            for symbol, decimals in (token.split(":") for token in tokens.split("/"))
        )
    except ValueError:
        raise ConfigError(
            f"--tokens {tokens}: not two tokens with decimals",
            hint="for example USDC:6/WETH:18, token0 (the lower address) first",
        ) from None
    if base is None:
        risky = [symbol for symbol in (symbol0, symbol1) if symbol.upper() not in _MONEY]
        if len(risky) != 1:
            raise ConfigError(f"--tokens {tokens}: which is the risky one?", hint="give --base")
        base = risky[0]
    if base not in (symbol0, symbol1):
        raise ConfigError(f"--base {base} is none of {symbol0}, {symbol1}")
    base_is_token0 = base == symbol0
    return TokenPair(
        base_symbol=base,
        quote_symbol=symbol1 if base_is_token0 else symbol0,
        base_decimals=decimals0 if base_is_token0 else decimals1,
        quote_decimals=decimals1 if base_is_token0 else decimals0,
        base_is_token0=base_is_token0,
        fee_pips=fee_pips,
        tick_spacing=TICK_SPACINGS[fee_pips],
    )
