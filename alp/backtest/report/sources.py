"""Tables of what the numbers rest on: fidelity, inputs, parameters, versions, fee tiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alp.backtest.codec import plain
from alp.backtest.report.notation import (
    NONE,
    Notation,
    count,
    fee_tier,
    instant,
    number,
    percent,
    statistic,
)
from alp.backtest.report.tables import (
    Cell,
    Table,
    facts_table,
    number_column,
    text_column,
    value_cell,
)
from alp.backtest.results import Results

FIDELITIES = {
    "overlay": "our liquidity earns its share of fees and does not move the price",
    "reexecute": "recorded swaps are executed again in a pool that holds our liquidity",
    "arbitrage": "swaps are made up so that the pool follows the outside price",
    "bars": "the pool's price path comes from candles",
    "ticks": "fills in recorded order books by level and trade, queue position modelled",
    "trades": "fills against recorded trades",
    "candles": "fills only where a candle traded through the price",
    "none": "not simulated or not known",
    "snapshot": "recorded liquidity at the start, kept up by mints and burns",
    "derived": "worked out from the swaps themselves",
    "genesis": "every mint and burn since the pool began",
    "pool": "inventory is valued at the pool's price",
    "venue": "inventory is valued at the venue's price",
}
"""What each word of fidelity means."""


def fidelity_table(results: Results) -> Table:
    """State how faithfully each leg was simulated."""
    fidelity = results.fidelity
    legs = {
        "Pool leg": fidelity.lp,
        "Venue leg": fidelity.cefi,
        "Pool liquidity": fidelity.liquidity,
        "Mark price": fidelity.mark,
    }
    return Table(
        id="fidelity-table",
        caption="How faithfully each leg was simulated",
        columns=[text_column("Leg"), text_column("Used"), text_column("That is", style="wide")],
        rows=[
            [Cell(leg), Cell(word, style="code"), Cell(FIDELITIES.get(word, NONE))]
            for leg, word in legs.items()
        ],
        sortable=False,
    )


def replay_table(results: Results) -> Table:
    """State how well replaying the pool reproduced what the chain recorded."""
    replay, window = results.replay, results.window
    swaps = (
        replay.swaps_exact_in
        + replay.swaps_exact_out
        + replay.swaps_at_limit
        + replay.swaps_by_price
    )

    def share(value: int) -> str:
        return f"{count(value)} ({percent(value / swaps, 2)})"

    facts = [
        ("Pool events", count(window.events)),
        ("Swaps", count(window.swaps)),
        ("Candles or minutes", count(window.bars)),
    ]
    if swaps:
        facts += [
            ("Swaps reproduced exactly, by amount in", share(replay.swaps_exact_in)),
            ("Swaps reproduced exactly, by amount out", share(replay.swaps_exact_out)),
            ("Swaps reproduced exactly, stopped by a price limit", share(replay.swaps_at_limit)),
            ("Swaps driven to their recorded price only", share(replay.swaps_by_price)),
            ("Swaps with other active liquidity than recorded", share(replay.liquidity_mismatches)),
            ("Largest price error", f"{number(replay.max_price_error_bps, 4)} bps"),
        ]
    return facts_table("replay", "What was replayed, and how close it came to the record", facts)


def data_table(results: Results) -> Table:
    """List the input files with the hashes that prove them."""
    return Table(
        id="data-table",
        caption="Input files",
        columns=[
            text_column("Role"),
            text_column("File"),
            text_column("Format"),
            number_column("Rows"),
            text_column("From (UTC)"),
            text_column("To (UTC)"),
            text_column("SHA-256"),
        ],
        rows=[
            [
                Cell(item.role.replace("_", " ")),
                Cell(item.path),
                Cell(item.format),
                value_cell(count(item.rows), item.rows),
                value_cell(_instant(item.start_ns), item.start_ns),
                value_cell(_instant(item.end_ns), item.end_ns),
                Cell(item.sha256, style="hash"),
            ]
            for item in results.data
        ],
        empty="No input file was recorded.",
    )


def _instant(ts_ns: int | None) -> str:
    return NONE if ts_ns is None else instant(ts_ns)


def data_notes(results: Results) -> list[str]:
    """Say what the readers found out or left out, file by file."""
    return [f"{item.path}: {note}" for item in results.data for note in item.notes]


def parameters_table(results: Results) -> Table:
    """List every effective parameter, defaults included."""
    return Table(
        id="parameters-table",
        caption="The full effective parameters, defaults filled in; secrets only by name",
        columns=[text_column("Parameter"), text_column("Value", style="wide")],
        rows=[
            [Cell(path, style="code"), Cell(text)]
            for path, text in _flat(plain(results.strategy.parameters), "")
        ],
        empty="No parameter was recorded.",
        sortable=False,
        tall=True,
        style="facts",
    )


def versions_table(results: Results) -> Table:
    """State everything that must be equal to get the same bytes again."""
    facts = [("Results schema", results.schema), ("alp", results.alp_version)]
    facts += [
        (name, version) for name, version in sorted(results.versions.items()) if name != "alp"
    ]
    facts += [
        ("Seed", str(results.seed)),
        ("Manifest SHA-256", results.strategy.manifest_sha256),
    ]
    return facts_table("versions", "What the numbers depend on besides the input files", facts)


def fee_tiers_table(results: Results, notation: Notation) -> Table:
    """Compare fees against LVR over the fee tiers."""
    quote = notation.quote
    return Table(
        id="fee-tiers-table",
        caption="Fees against LVR of the same liquidity in pools of different fee tiers",
        columns=[
            number_column("Fee tier"),
            number_column("Fees / LVR"),
            number_column("Fees", quote),
            number_column("LVR", quote),
            number_column("Trades"),
            number_column("Volume to break even", quote),
            text_column("Basis", style="wide"),
        ],
        rows=[
            [
                value_cell(fee_tier(item.fee_pips), item.fee_pips),
                value_cell(number(item.ratio, 3), item.ratio),
                value_cell(statistic(item.fees, sign=True), item.fees),
                value_cell(statistic(item.lvr, sign=True), item.lvr),
                value_cell(NONE if item.trades is None else count(item.trades), item.trades),
                value_cell(statistic(item.break_even_volume), item.break_even_volume),
                Cell(item.basis),
            ]
            for item in results.fee_tiers
        ],
        empty="No fee tier was compared.",
    )


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk nested parameters to ``a.b[0].c`` and text, in the file's canonical order."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _flat(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}[{index}]")
    elif path:
        yield path, _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or value in ({}, []):
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_scalar(item) for item in value)
    return str(value)
