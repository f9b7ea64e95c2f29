"""``alp data``: recorded market data, before a backtest trusts it."""

from __future__ import annotations

import click

from alp.cli.lazy import LazyGroup

COMMANDS = {
    "inspect": ("alp.cli.data_inspect:inspect", "Say what files are, hold, and what is wrong."),
    "convert": ("alp.cli.data_convert:convert", "Write files as one parquet file of alp's form."),
    "tape": ("alp.cli.data_tape:tape", "Write levels and trades for the tick-level backtest."),
    "liquidity": (
        "alp.cli.data_liquidity:liquidity",
        "Write a pool's liquidity before its events.",
    ),
    "fetch": ("alp.cli.data_fetch:fetch", "Get a pool's events from an Ethereum node."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    examples={
        "alp data inspect examples/data/*.csv.gz": "what are these files?",
        "alp data fetch --pool 0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640 "
        "--from 2024-01-05 --to 2024-01-06 day.csv.gz": "get a day of a pool (ALP_RPC_URL is set)",
        "alp data convert day.csv.gz day.parquet": "smaller, and read ten times faster",
    },
)
def data() -> None:
    """Inspect, convert and fetch the recordings that backtests run on.

    \b
    Files are recognised by their content, compressed with gzip or zstd or not:
      pool events   raw logs (CSV with topics and data), decoded logs (CSV), mint and
                    burn history (SQLite), swaps of which only amounts were kept (CSV)
      pool bars     minutes with liquidity (CSV), OHLC of the pool's price (CSV, parquet)
      candles       OHLCV of a venue (CSV, parquet, Binance archive without header)
      trades        of a venue (CSV, Binance archive without header)
      liquidity     by bucket (CSV), by tick (parquet)
      base fee      by block or time (CSV)
      alp's own     any of these, written by `alp data convert` (parquet)
      tapes         levels and trades, written by `alp data tape`

    A file with a fault is refused, with its name, row and remedy, and exit status 4. Nothing is
    dropped or repaired unless you ask for it.
    """  # noqa: D301
