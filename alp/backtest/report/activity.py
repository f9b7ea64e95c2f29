"""Tables of what was done: positions, periods, venue fills, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from alp.backtest.codec import exact_sum
from alp.backtest.report.headline import PART_NAMES
from alp.backtest.report.notation import (
    NONE,
    Notation,
    count,
    duration,
    instant,
    number,
    percent,
    words,
)
from alp.backtest.report.tables import (
    MOST_ROWS,
    Cell,
    Table,
    cut_note,
    facts_table,
    number_column,
    text_column,
    value_cell,
)
from alp.backtest.results import PARTS, Period, Results


def positions_table(results: Results, notation: Notation) -> Table:
    """List every liquidity position from mint to burn."""
    shown = results.positions[:MOST_ROWS]
    end = results.window.end_ns
    quote = notation.quote
    return Table(
        id="positions",
        caption="Liquidity positions from mint to burn",
        columns=[
            number_column("No."),
            text_column("Side"),
            text_column("Opened (UTC)"),
            number_column("Life"),
            number_column("Lower price", quote),
            number_column("Upper price", quote),
            number_column("In range", "%"),
            number_column("Deposit", quote),
            number_column("Fees", quote),
            number_column("LVR", quote),
            number_column("IL", quote),
            number_column("Fees in base", notation.base),
            number_column("Fees in quote", quote),
            number_column("Ticks"),
            number_column("Liquidity"),
        ],
        rows=[
            [
                value_cell(str(item.id), item.id),
                Cell(item.side),
                Cell(instant(item.opened_ns), item.opened_ns),
                value_cell(
                    duration((item.closed_ns or end) - item.opened_ns)
                    + ("" if item.closed_ns else ", open"),
                    (item.closed_ns or end) - item.opened_ns,
                ),
                value_cell(notation.price(item.price_lower), item.price_lower),
                value_cell(notation.price(item.price_upper), item.price_upper),
                value_cell(
                    NONE if item.time_in_range is None else number(item.time_in_range * 100, 1),
                    item.time_in_range,
                ),
                value_cell(notation.money(item.deposit_value), item.deposit_value),
                value_cell(notation.money(item.fees_value), item.fees_value),
                value_cell(notation.money(item.lvr, sign=True), item.lvr),
                value_cell(notation.money(item.il, sign=True), item.il),
                value_cell(notation.amount(item.fees_base), item.fees_base),
                value_cell(notation.money(item.fees_quote), item.fees_quote),
                value_cell(f"{item.tick_lower} … {item.tick_upper}", item.tick_lower),
                value_cell(f"{float(item.liquidity):.3e}", item.liquidity),
            ]
            for item in shown
        ],
        empty="No position was opened.",
        note=cut_note(len(shown), len(results.positions)),
        tall=True,
    )


def periods_table(results: Results, notation: Notation) -> Table:
    """List the attribution over time: every period, or every day of a long run."""
    rows, by_day = results.hourly, len(results.hourly) > MOST_ROWS
    if by_day:
        rows = tuple(_days(rows))
    what = "Attribution by day" if by_day else "Attribution by period"
    return _attribution_table(
        "periods",
        f"{what}: what accrued up to each time",
        rows,
        notation,
        note=f"{count(len(results.hourly))} periods, added up by UTC day." if by_day else "",
    )


def by_rebalance_table(results: Results, notation: Notation) -> Table:
    """List the attribution between executed rebalances."""
    shown = results.by_rebalance[:MOST_ROWS]
    return _attribution_table(
        "between-rebalances",
        "Attribution between executed rebalances: what accrued up to each of them and to the end",
        shown,
        notation,
        note=cut_note(len(shown), len(results.by_rebalance)),
    )


def _attribution_table(
    id: str,  # noqa: A002
    caption: str,
    rows: Sequence[Period],
    notation: Notation,
    note: str,
) -> Table:
    return Table(
        id=id,
        caption=caption,
        columns=[
            text_column("Until (UTC)"),
            number_column("NAV", notation.quote),
            *(number_column(PART_NAMES[name], notation.quote) for name in PARTS),
        ],
        rows=[
            [
                Cell(instant(row.ts_ns), row.ts_ns),
                value_cell(notation.money(row.nav), row.nav),
                *(
                    value_cell(notation.money(value, sign=True, fine=2), value)
                    for value in row.parts().values()
                ),
            ]
            for row in rows
        ],
        empty="No period was recorded.",
        note=note,
        tall=True,
    )


def fills_table(results: Results, notation: Notation) -> Table:
    """List every fill of the venue leg with why the simulator filled it."""
    shown = results.hedge.fills[:MOST_ROWS]
    return Table(
        id="fills",
        caption="Fills of the venue leg, each with its reason",
        columns=[
            text_column("Time (UTC)"),
            text_column("Venue"),
            text_column("Side"),
            number_column("Price", notation.quote),
            number_column("Quantity", notation.base),
            number_column("Fee", notation.quote),
            text_column("Why it filled"),
        ],
        rows=[
            [
                Cell(instant(fill.ts_ns, seconds=True), fill.ts_ns),
                Cell(fill.venue),
                Cell(fill.side, style=f"badge {fill.side}"),
                value_cell(notation.price(fill.price), fill.price),
                value_cell(notation.amount(fill.quantity), fill.quantity),
                value_cell(notation.money(fill.fee, fine=2), fill.fee),
                Cell(words(fill.why)),
            ]
            for fill in shown
        ],
        tags=[fill.side for fill in shown],
        empty="The venue leg had no fill.",
        note=cut_note(len(shown), len(results.hedge.fills)),
        tall=True,
    )


def markouts_table(results: Results, notation: Notation) -> Table:
    """Summarise the markouts by leg and horizon."""
    columns = [text_column("Leg"), number_column("Horizon"), number_column("Fills")]
    for title in ("Mean", "Median", "5th percentile", "95th percentile"):
        columns.append(number_column(title, "bps"))
    columns += [number_column("Sum", notation.quote), number_column("Beyond the data")]
    return Table(
        id="markouts-table",
        caption="Markouts by leg and horizon; positive is in our favour, fees not included",
        columns=columns,
        rows=[
            [
                Cell("pool" if item.leg == "lp" else "venue"),
                value_cell(duration(item.horizon_ns), item.horizon_ns),
                value_cell(count(item.count), item.count),
                *(
                    value_cell(number(value, 2, sign=True), value)
                    for value in (item.mean_bps, item.median_bps, item.p05_bps, item.p95_bps)
                ),
                value_cell(notation.money(item.total_quote, sign=True), item.total_quote),
                value_cell(count(item.unresolved), item.unresolved),
            ]
            for item in results.markouts
        ],
        empty="No markout was measured.",
    )


def hedge_table(results: Results, notation: Notation) -> Table:
    """State how closely the venue leg followed the pool leg."""
    hedge, parts = results.hedge, results.attribution
    if not hedge.enabled:
        return Table("hedge-facts", "The venue leg", (), (), empty="it was not enabled.")
    why = Counter(words(fill.why.partition(":")[0]) for fill in hedge.fills)
    reasons = ", ".join(f"{text} {count(times)}" for text, times in sorted(why.items()))
    return facts_table(
        "hedge-facts",
        "The venue leg in numbers",
        [
            ("Enabled", "yes" if hedge.enabled else "no"),
            ("Profit before fees", notation.in_quote(parts.hedge_pnl, sign=True)),
            ("Fees", notation.in_quote(parts.hedge_fees, sign=True)),
            ("Volume traded", notation.in_base(hedge.volume_base)),
            ("Fills", count(len(hedge.fills)) + (f" ({reasons})" if reasons else "")),
            ("Mean hedge ratio", number(hedge.ratio, 3)),
            ("Correlation of pool and venue returns", number(hedge.correlation, 3)),
            ("Mean net inventory away from target", notation.in_base(hedge.residual_base_mean)),
            ("Largest net inventory away from target", notation.in_base(hedge.residual_base_max)),
            ("Median lag to a completed hedge", _lag(hedge.lag_ns)),
            ("Time suspended", percent(hedge.suspended)),
        ],
    )


_WAYS = {
    "quoted": "as quoted",
    "at_once": "taking at once",
    "band": "taking at the band from cost",
}


def timing_table(results: Results, notation: Notation) -> Table:
    """Compare how the hedge was timed with taking at once and with waiting for a band."""
    quote, base = notation.quote, notation.base
    return Table(
        id="hedge-timing",
        caption="When to hedge: the same path by resting, by taking at once, and at a band",
        columns=[
            text_column("Way"),
            number_column("Trades"),
            number_column("Volume", base),
            number_column("Cost", quote),
            number_column("Error, root mean square", base),
            number_column("Error of value", quote),
            number_column("Median lag"),
            number_column("Cost and risk", quote),
        ],
        rows=[
            [
                Cell(_WAYS[item.way]),
                value_cell(count(item.trades), item.trades),
                value_cell(number(item.volume_base, 3), item.volume_base),
                value_cell(notation.money(item.cost), item.cost),
                value_cell(number(item.error_base, 4), item.error_base),
                value_cell(notation.money(item.error_quote), item.error_quote),
                Cell(_lag(item.lag_ns), item.lag_ns),
                value_cell(notation.money(item.charge), item.charge),
            ]
            for item in results.hedge.timing
        ],
        empty="Nothing was hedged.",
        note="Takers pay the first venue's fee and no spread; the band is known in hindsight.",
    )


def _days(periods: Iterable[Period]) -> list[Period]:
    """Add periods up by the UTC day in which they end (midnight belongs to the day before)."""
    days: dict[str, list[Period]] = {}
    for row in periods:
        day = datetime.fromtimestamp((row.ts_ns - 1) // 1_000_000_000, UTC).date().isoformat()
        days.setdefault(day, []).append(row)
    return [
        Period(
            ts_ns=rows[-1].ts_ns,
            nav=rows[-1].nav,
            **{name: exact_sum(getattr(row, name) for row in rows) for name in PARTS},
        )
        for rows in days.values()
    ]


def _lag(lag_ns: int | None) -> str:
    return NONE if lag_ns is None else duration(lag_ns)
