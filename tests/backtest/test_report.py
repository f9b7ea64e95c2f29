"""The report page: self-contained, deterministic, safe, complete, and true to the results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import plotly.graph_objects as go
import pytest
from backtest.builders import HOUR_NS, realistic_results, smallest_results, span, sweep

from alp.backtest.codec import exact_sum
from alp.backtest.compare import render_comparison
from alp.backtest.report import activity, decisions, figures, headline, plots, render_report
from alp.backtest.report.notation import Notation, duration, instant, number, percent, statistic
from alp.backtest.report.plots import Figure
from alp.backtest.report.report import plotly_js
from alp.backtest.report.tables import MOST_ROWS
from alp.backtest.results import PARTS, Markout, Rebalance, Results

WHOLE = realistic_results()
TEMPLATES = Path(figures.__file__).parent / "templates"
VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(WHOLE)


@pytest.fixture(scope="module")
def empty_page() -> str:
    return render_report(smallest_results())


class Outline(HTMLParser):
    """Checks that elements nest, and collects what the tests ask about."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_equal_results_give_an_equal_page(page: str) -> None:
    assert render_report(realistic_results()) == page


def test_the_page_from_the_file_is_the_page_from_memory(page: str) -> None:
    in_memory = replace(
        WHOLE, strategy=replace(WHOLE.strategy, parameters={"b": Decimal("1.50"), "a": (1, 2)})
    )
    from_file = Results.from_json(in_memory.to_json_bytes())
    assert render_report(from_file) == render_report(in_memory)
    assert render_report(Results.from_json(WHOLE.to_json_bytes())) == page


def test_elements_nest_and_ids_are_unique(page: str, empty_page: str) -> None:
    for html in (page, empty_page, render_comparison(sweep(3, hours=24))):
        ids = Outline(html).ids
        assert len(ids) == len(set(ids))


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    ours = page.replace(plotly_js(), "")
    assert len(ours) < len(page) / 2
    assert not re.findall(r"https?:|//[a-z]+\.|@import|url\(", ours)
    for tag, name, value in Outline(page).attributes:
        assert name != "src", f"{tag} loads {value}"
        if name == "href":
            assert value.startswith("#")


def test_the_browser_is_told_to_load_nothing(page: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "unsafe-eval" not in policy


def test_every_link_of_the_contents_leads_to_a_section(page: str) -> None:
    outline = Outline(page)
    wanted = {value[1:] for tag, name, value in outline.attributes if (tag, name) == ("a", "href")}
    assert len(wanted) == 13
    assert wanted <= set(outline.ids)


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_text_from_a_manifest_or_a_file_cannot_become_code() -> None:
    made = WHOLE.rebalances[1]
    results = replace(
        WHOLE,
        strategy=replace(WHOLE.strategy, name=HOSTILE, parameters={HOSTILE: HOSTILE}),
        fidelity=replace(WHOLE.fidelity, lp=HOSTILE, notes=(HOSTILE,)),
        data=(replace(WHOLE.data[0], path=HOSTILE, notes=(HOSTILE,)),),
        pair=replace(WHOLE.pair, base=HOSTILE, quote=HOSTILE),
        rebalances=(replace(made, reason=HOSTILE, detail=HOSTILE, numbers={HOSTILE: 1.0}),),
        hedge=replace(WHOLE.hedge, fills=(replace(WHOLE.hedge.fills[0], why=HOSTILE),)),
        versions={HOSTILE: HOSTILE},
    )
    html = render_report(results)
    assert "<img" not in html.replace(plotly_js(), "")
    assert html.count("<script") - plotly_js().count("<script") == 3
    Outline(html)


def test_a_sweep_cannot_become_code_either() -> None:
    (run,) = sweep(1, hours=24)
    hostile = replace(run, label=HOSTILE, parameters={HOSTILE: HOSTILE, "@ink": "@ink"})
    html = render_comparison([hostile, run], title=HOSTILE)
    assert "<img" not in html.replace(plotly_js(), "")
    Outline(html)


def test_the_headline_says_what_the_ledger_says(page: str) -> None:
    words = Outline(page).words
    notation = Notation.of(WHOLE)
    for value in WHOLE.attribution.parts().values():
        assert notation.money(value, sign=True) in words
    assert notation.money(WHOLE.nav.change, sign=True) in words
    assert notation.money(headline.versus_hold(WHOLE), sign=True) in words
    assert "12 48 refused, 6 reverted" in words


def test_the_lead_sentence_turns_with_the_outcome() -> None:
    gained = smallest_results(
        nav=replace(
            smallest_results().nav,
            end=Decimal(5100),
            change=Decimal(100),
            hodl_change=Decimal(150),
        )
    )
    said = headline.lead(gained, Notation.of(gained))
    assert said == (
        "The strategy gained 100.00 USDC (+2.00 % of its starting NAV),"
        " 50.00 USDC less than holding the same tokens."
    )


def test_every_decision_is_listed_with_its_reason_and_numbers(page: str) -> None:
    table = decisions.rebalances_table(WHOLE, Notation.of(WHOLE))
    assert len(table.rows) == len(WHOLE.rebalances)
    assert dict(table.groups) == headline.decisions(WHOLE)
    titles = [column.title for column in table.columns]
    for item, row in zip(WHOLE.rebalances, table.rows, strict=True):
        shown = {title: cell.text for title, cell in zip(titles, row, strict=True)}
        assert shown["Decision"] == item.decision
        assert shown["Reason"] == item.reason
        assert shown["Benefit"] == number(item.numbers["benefit"], 2, sign=True)
        assert "in range, new 81.0 %" in shown["Other numbers"]
        moved = number(item.numbers["price_move_bps"], 1)
        assert f"price move {moved} bps" in shown["Other numbers"]
        assert shown["Ranges, USDC"].startswith("bid ")


def test_a_decision_without_numbers_is_listed_too() -> None:
    bare = Rebalance(
        ts_ns=1, block=None, decision="refused", reason="COOLDOWN", price=2000.0, tick=1
    )
    table = decisions.rebalances_table(replace(WHOLE, rebalances=(bare,)), Notation.of(WHOLE))
    assert [cell.text for cell in table.rows[0]][1:] == [
        *("–", "refused", "COOLDOWN", "2,000.00", "–", "–")
    ]


def test_units_of_further_numbers_follow_their_names() -> None:
    numbers = {
        "age_ns": 90e9,
        "gas_price_gwei": 12.34,
        "shift_base": 0.5,
        "spare_quote": 3.0,
        "unknown_bps": None,
        "odd": 0.123456,
    }
    item = replace(WHOLE.rebalances[0], numbers=numbers, ranges=(span("both", 1900, 2100),))
    table = decisions.rebalances_table(replace(WHOLE, rebalances=(item,)), Notation.of(WHOLE))
    assert [cell.text for cell in table.rows[0]][-2:] == [
        "age 1 min 30 s; gas price 12.3 gwei; odd 0.1235; shift 0.50000 WETH;"
        " spare 3.00 USDC; unknown – bps",
        "both 1,900.00 to 2,100.00",
    ]


def test_a_run_in_which_nothing_happened_has_a_page(empty_page: str) -> None:
    words = Outline(empty_page).words
    for sentence in (
        "No decision was taken.",
        "No position was opened.",
        "The venue leg had no fill.",
        "No input file was recorded.",
        "The venue leg: it was not enabled.",
        "No fee tier was compared.",
        "No markout was measured.",
        "Nothing was hedged.",
    ):
        assert sentence in words
    assert "The strategy gained 0.00 USDC" in words


def test_the_hedge_is_compared_with_other_ways_of_timing_it(page: str) -> None:
    table = activity.timing_table(WHOLE, Notation.of(WHOLE))
    assert [row[0].text for row in table.rows] == [
        "as quoted",
        "taking at once",
        "taking at the band from cost",
    ]
    assert [row[1].text for row in table.rows] == ["49", "225", "72"]
    assert table.caption in Outline(page).words


def test_a_long_table_says_what_it_leaves_out() -> None:
    many = replace(WHOLE, rebalances=WHOLE.rebalances * 20)
    table = decisions.rebalances_table(many, Notation.of(many))
    assert len(table.rows) == MOST_ROWS
    assert table.note == "The first 1,000 of 1,320; the results file has them all."


def test_a_long_run_is_listed_by_day_and_still_adds_up() -> None:
    long = realistic_results(hours=1_100)
    table = activity.periods_table(long, Notation.of(long))
    assert len(table.rows) == 46
    assert "1,100 periods" in table.note
    assert table.rows[0][0].text == "2023-12-28 00:00"
    fees = [row[2 + PARTS.index("fees")].sort for row in table.rows]
    assert sum(map(float, fees)) == pytest.approx(float(long.attribution.fees))  # type: ignore[arg-type]
    days = activity._days(long.hourly)
    assert exact_sum(day.lvr for day in days) == long.attribution.lvr
    assert days[-1].nav == long.nav.end


def every_figure(results: Results) -> list[Figure]:
    notation = Notation.of(results)
    return [
        figures.parts_figure(results, notation),
        figures.nav_figure(results, notation),
        figures.attribution_figure(results, notation),
        figures.ranges_figure(results, notation),
        figures.inventory_figure(results, notation),
        *figures.markout_figures(results),
    ]


def painted(value: object) -> object:
    """Put a colour where the page puts its own."""
    return json.loads(re.sub(r'"@[a-z-]+"', '"#123456"', json.dumps(value)))


@pytest.mark.parametrize("results", [WHOLE, smallest_results()], ids=["whole", "empty"])
def test_plotly_accepts_every_figure(results: Results) -> None:
    for figure in every_figure(results):
        go.Figure({"data": painted(figure.data), "layout": painted(figure.layout)})


def test_every_figure_has_a_caption_in_words(page: str) -> None:
    for figure in every_figure(WHOLE):
        assert len(figure.caption.split()) >= 8
        assert figure.caption.endswith(".")
        assert f'id="{figure.id}"' in page


def test_every_axis_says_its_unit() -> None:
    for figure in every_figure(WHOLE):
        axes = [axis for name, axis in figure.layout.items() if "axis" in name]
        titles = [axis.get("title", {}).get("text", "") for axis in axes]
        units = ("USDC", "WETH", "bps", "Fills")
        assert any(unit in title for title in titles for unit in units), figure.id


def test_every_colour_of_a_figure_is_one_of_the_page_in_light_and_dark() -> None:
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    light, dark = (set(re.findall(r"--([a-z-]+):", part)) for part in css.split("@media", 2)[:2])
    assert light == dark
    used = set(re.findall(r'"@([a-z-]+)"', json.dumps([f.data for f in every_figure(WHOLE)])))
    assert {"blue", "vermillion", "orange-shade"} <= used
    assert used <= light


def test_no_two_curves_of_a_panel_look_alike() -> None:
    styles = list(figures.PART_STYLE.values())
    assert len(set(styles)) == len(styles)
    assert set(figures.PART_STYLE) == set(PARTS)
    assert set(headline.PART_NAMES) == set(headline.PART_MEANINGS) == set(PARTS)


def test_ranges_are_drawn_from_mint_to_burn() -> None:
    figure = figures.ranges_figure(WHOLE, Notation.of(WHOLE))
    (bids,) = [trace for trace in figure.data if trace["name"].startswith("Bid")]
    first = next(item for item in WHOLE.positions if item.side == "bid")
    assert first.closed_ns is not None
    assert bids["x"][:6] == [
        *(first.opened_ns // 10**6,) * 2,
        *(first.closed_ns // 10**6,) * 2,
        first.opened_ns // 10**6,
        None,
    ]
    assert set(bids["y"][:5]) == {first.price_lower, first.price_upper}
    assert max(x for x in bids["x"] if x is not None) == WHOLE.window.end_ns // 10**6


def test_many_refusals_start_hidden() -> None:
    refused = [item for item in WHOLE.rebalances if item.decision == "refused"]
    few = figures.ranges_figure(WHOLE, Notation.of(WHOLE)).data[-1]
    crowd = replace(WHOLE, rebalances=tuple(refused * 2))
    many = figures.ranges_figure(crowd, Notation.of(WHOLE)).data[-1]
    assert few["visible"] is True
    assert many["visible"] == "legendonly"


def test_long_curves_are_thinned_and_the_caption_says_so() -> None:
    assert plots.thinned(0) == []
    assert plots.thinned(5) == [0, 1, 2, 3, 4]
    chosen = plots.thinned(10_001)
    assert chosen[0] == 0
    assert chosen[-1] == 10_000
    assert len(chosen) <= plots.MOST_POINTS + 1
    ends = tuple(range(0, 10_001 * HOUR_NS, HOUR_NS))
    long = replace(
        WHOLE,
        series=replace(WHOLE.series, ts_ns=ends, nav=(1.0,) * 10_001, hodl=(None,) * 10_001),
    )
    caption = figures.nav_figure(long, Notation.of(long)).caption
    assert "3,335 of 10,001 samples are drawn." in caption


def test_drawdown_is_the_fall_from_the_highest_so_far() -> None:
    falls = list(figures._falls([100.0, None, 110.0, 99.0, 104.5, 121.0]))
    assert falls == pytest.approx([0.0, None, 0.0, -1000.0, -500.0, 0.0])


def test_an_unmeasured_markout_draws_nothing_and_says_so() -> None:
    nothing = Markout(
        leg="lp",
        horizon_ns=60 * 10**9,
        count=0,
        unresolved=4,
        total_quote=0.0,
        mean_bps=None,
        median_bps=None,
        p05_bps=None,
        p95_bps=None,
        edges_bps=(),
        counts=(),
    )
    words = Outline(render_report(smallest_results(markouts=(nothing,)))).words
    assert "Pool fills after 1 min: 0 measured, mean – bps" in words


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (Decimal("1234567.005"), 2, "1,234,567.00"),
        (Decimal("1234567.015"), 2, "1,234,567.02"),
        (Decimal("-0.004"), 2, "0.00"),
        (-1234.5, 1, "−1,234.5"),
        (0.1 + 0.2, 3, "0.300"),
        (None, 2, "–"),
        (Decimal(10) ** 60, 0, "1" + ",000" * 20),
    ],
)
def test_numbers_are_rounded_half_to_even_and_grouped(
    value: Decimal | float | None, digits: int, text: str
) -> None:
    assert number(value, digits) == text


def test_signs_are_shown_where_asked() -> None:
    assert number(2.5, 1, sign=True) == "+2.5"
    assert number(0.0, 1, sign=True) == "0.0"
    assert percent(-0.0748, 2, sign=True) == "−7.48 %"
    assert percent(None) == "–"


@pytest.mark.parametrize(
    ("span_ns", "text"),
    [
        (0, "0 s"),
        (500_000_000, "0.5 s"),
        (60 * 10**9, "1 min"),
        (3600 * 10**9, "1 h"),
        (86_460 * 10**9, "1 d"),
        (90_000 * 10**9, "1 d 1 h"),
        (12_000 * 10**9, "3 h 20 min"),
    ],
)
def test_durations_are_written_in_their_two_largest_units(span_ns: int, text: str) -> None:
    assert duration(span_ns) == text


def test_instants_are_utc() -> None:
    assert instant(1_704_067_199_999_999_999, seconds=True) == "2023-12-31 23:59:59"
    assert instant(0) == "1970-01-01 00:00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0"), (1234.6, "1,235"), (0.0012345, "0.001234"), (-3e-9, "−3.000e−09")],
)
def test_statistics_have_four_significant_digits(value: float | None, text: str) -> None:
    assert statistic(value) == text


def test_digits_follow_the_size_of_the_run() -> None:
    base = smallest_results()
    assert Notation.of(base).quote_digits == 2
    in_ether = smallest_results(
        nav=replace(base.nav, start=Decimal("2.5"), end=Decimal("2.4")),
        series=replace(base.series, ts_ns=(1,), price=(0.00045,)),
    )
    notation = Notation.of(in_ether)
    assert notation.quote_digits == 5
    assert notation.price(0.00045) == "0.000450000"
