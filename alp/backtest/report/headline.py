"""The first screen: what happened in one sentence, the headline numbers, the parts of the change.

Every figure carries its unit and its sign, so no colour is needed to read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from alp.backtest.codec import EXACT, exact_sum
from alp.backtest.report.notation import NONE, Notation, count, number, percent
from alp.backtest.report.tables import Cell, Table, number_column, text_column, value_cell
from alp.backtest.results import Results

PART_NAMES = {
    "fees": "Fees",
    "lvr": "LVR",
    "price": "Price",
    "gas": "Gas",
    "hedge_pnl": "Hedge P&L",
    "hedge_fees": "Hedge fees",
    "execution": "Execution",
}
"""What the page calls each part of the attribution."""

PART_MEANINGS = {
    "fees": "Swap fees earned by the positions, valued as they accrued.",
    "lvr": "Loss versus rebalancing: what arbitrage took from the positions as the price moved.",
    "price": "Price change of the inventory held, had it been rebalanced at the market price.",
    "gas": "Gas of mints, burns, collects and swaps, reverted transactions included.",
    "hedge_pnl": "Profit of the venue leg, marked to market, before its fees.",
    "hedge_fees": "Maker and taker fees of the venue leg; a rebate counts as a gain.",
    "execution": "Price impact, slippage and fees of our own swaps, and the pool's rounding.",
}


@dataclass(frozen=True)
class Tile:
    """One headline number: what it is, the number, and what to compare it with."""

    title: str
    value: str
    note: str


def change_of_nav(results: Results) -> float:
    """Change of NAV as a fraction of the starting NAV (0 if that is zero)."""
    start = float(results.nav.start)
    return float(results.nav.change) / start if start else 0.0


def versus_hold(results: Results) -> Decimal:
    """Subtract what holding the starting amounts would have made from the change of NAV."""
    return EXACT.subtract(results.nav.change, results.nav.hodl_change)


def fees_to_lvr(results: Results) -> float | None:
    """Fees divided by the size of LVR; None where there was no LVR."""
    lvr = abs(float(results.attribution.lvr))
    return float(results.attribution.fees) / lvr if lvr else None


def decisions(results: Results) -> dict[str, int]:
    """How many decisions about the ranges were executed, refused, reverted."""
    found = {"executed": 0, "refused": 0, "reverted": 0}
    for item in results.rebalances:
        found[item.decision] += 1
    return found


def lead(results: Results, notation: Notation) -> str:
    """Say in one or two sentences how the run ended and why."""
    change, against = results.nav.change, versus_hold(results)
    verb = "gained" if change >= 0 else "lost"
    better = "more" if against >= 0 else "less"
    sentence = (
        f"The strategy {verb} {notation.in_quote(abs(change))}"
        f" ({percent(change_of_nav(results), 2, sign=True)} of its starting NAV),"
        f" {notation.in_quote(abs(against))} {better} than holding the same tokens."
    )
    ratio = fees_to_lvr(results)
    if ratio is None:
        return sentence
    judged = "paid for" if ratio >= 1 else "did not pay for"
    return f"{sentence} Fees {judged} the loss to arbitrage: {number(ratio, 2)} times LVR."


def tiles(results: Results, notation: Notation) -> list[Tile]:
    """List the headline numbers in reading order."""
    parts, risk, made = results.attribution, results.risk, decisions(results)
    hedge = exact_sum((parts.hedge_pnl, parts.hedge_fees))

    def signed(value: Decimal) -> str:
        return notation.money(value, sign=True)

    unit = notation.quote
    start, end = notation.money(results.nav.start), notation.money(results.nav.end)
    return [
        Tile(
            f"NAV change, {unit}",
            signed(results.nav.change),
            f"{percent(change_of_nav(results), 2, sign=True)}, from {start} to {end}",
        ),
        Tile(
            f"Versus holding, {unit}",
            signed(versus_hold(results)),
            f"holding made {signed(results.nav.hodl_change)}",
        ),
        Tile(f"Fees, {unit}", signed(parts.fees), "earned by the positions"),
        Tile(f"LVR, {unit}", signed(parts.lvr), "taken by arbitrage"),
        Tile("Fees / LVR", number(fees_to_lvr(results), 2), "above 1, fees paid for it"),
        Tile(f"Gas, {unit}", signed(parts.gas), _gas_note(results, notation, made)),
        Tile(
            f"Hedge, {unit}",
            signed(hedge),
            f"of it fees {signed(parts.hedge_fees)}" if results.hedge.enabled else "not enabled",
        ),
        Tile(f"Execution, {unit}", signed(parts.execution), "own swaps and rounding"),
        Tile(f"Impermanent loss, {unit}", signed(results.il), "positions against their deposits"),
        Tile(
            "Max drawdown, bps",
            number(risk.max_drawdown_bps, 1),
            f"{notation.in_quote(risk.max_drawdown)} below the high",
        ),
        Tile(
            "Rebalances executed",
            count(made["executed"]),
            f"{count(made['refused'])} refused, {count(made['reverted'])} reverted",
        ),
        Tile("Time in range", percent(risk.time_in_range), "with a position earning fees"),
    ]


def _gas_note(results: Results, notation: Notation, made: dict[str, int]) -> str:
    sent = made["executed"] + made["reverted"]
    if not sent:
        return "no transaction sent"
    each = abs(float(results.attribution.gas)) / sent
    return f"{notation.money(each)} for each of {count(sent)} sent"


def parts_table(results: Results, notation: Notation) -> Table:
    """List the parts of the change of NAV with what each means."""
    start = float(results.nav.start)

    def bps(value: Decimal) -> Cell:
        share = float(value) / start * 1e4 if start else None
        return value_cell(NONE if share is None else number(share, 1, sign=True), share)

    rows = [
        [
            Cell(PART_NAMES[name]),
            value_cell(notation.money(value, sign=True), value),
            bps(value),
            Cell(PART_MEANINGS[name]),
        ]
        for name, value in results.attribution.parts().items()
    ]
    total = results.attribution.total
    rows.append(
        [
            Cell("Change of NAV", style="total"),
            value_cell(notation.money(total, sign=True), total, "total"),
            Cell(bps(total).text, style="total"),
            Cell("The parts add up to it exactly, to the last digit of the ledger.", style="total"),
        ]
    )
    return Table(
        id="parts",
        caption="The parts and their sum",
        columns=[
            text_column("Part"),
            number_column("Amount", notation.quote),
            number_column("Of starting NAV", "bps"),
            text_column("What it is", style="wide"),
        ],
        rows=rows,
        sortable=False,
    )
