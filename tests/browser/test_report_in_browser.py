"""The pages as a person sees them: drawn, quiet, sortable, readable on any width and on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from backtest.builders import realistic_results, smallest_results, sweep

from alp.backtest.compare import render_comparison
from alp.backtest.report import render_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

pytestmark = pytest.mark.browser

RESULTS = realistic_results()
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
FIGURES = 5 + len(RESULTS.markouts)

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "report.html").write_text(render_report(RESULTS), encoding="utf-8")
    (folder / "idle.html").write_text(render_report(smallest_results()), encoding="utf-8")
    (folder / "compare.html").write_text(
        render_comparison(sweep(), title="eth-usdc: sweep", objective="versus_hold"),
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def visit(browser: Browser, pages: Path) -> Iterator[Open]:
    """Open a page from the disk; at the end nothing must have complained or asked the network."""
    complaints: list[str] = []
    contexts = []

    def heard(message: ConsoleMessage) -> None:
        if message.type not in {"log", "info"} and "GPU stall" not in message.text:
            complaints.append(f"{message.type}: {message.text}")

    def open_page(name: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "color_scheme": "light", **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        address = (pages / name).as_uri()
        page.on(
            "request",
            lambda request: None if request.url == address else complaints.append(request.url),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def drawn(page: Page) -> dict[str, int]:
    """Count what each figure's plots consist of."""
    found: dict[str, int] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".plot")].map(
            (plot) => [plot.id, plot.querySelectorAll("svg path, canvas").length]))"""
    )
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("wide", {}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": PHONE, "has_touch": True, "is_mobile": True}),
    ],
)
def test_the_report_is_drawn_without_a_complaint(
    visit: Open, artifacts: Path, name: str, options: dict[str, Any]
) -> None:
    page = visit("report.html", **options)
    shapes = drawn(page)
    assert len(shapes) == FIGURES
    assert all(count >= 5 for count in shapes.values()), shapes
    assert page.locator("svg.main-svg").count() == 3 * FIGURES
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options.get("viewport", WIDE)["width"], "the page scrolls sideways"
    page.screenshot(path=artifacts / f"report-{name}.png", full_page=True)


def test_an_idle_run_is_drawn_without_a_complaint(visit: Open, artifacts: Path) -> None:
    page = visit("idle.html")
    assert len(drawn(page)) == 5
    page.screenshot(path=artifacts / "report-idle.png", full_page=True)


@pytest.mark.parametrize(("scheme", "paper"), [("dark", "#14171b"), ("light", "#ffffff")])
def test_figures_change_colour_with_the_page(visit: Open, scheme: str, paper: str) -> None:
    page = visit("idle.html", color_scheme="light" if scheme == "dark" else "dark")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.wait_for_function(
        """(paper) => document.getElementById("figure-nav")._fullLayout.paper_bgcolor === paper""",
        arg=paper,
    )


def test_a_click_sorts_by_number_and_another_turns_it_round(visit: Open) -> None:
    page = visit("report.html")
    titles = page.locator("#rebalances th .title").all_inner_texts()
    place = titles.index("Price") + 1
    heading = page.locator(f"#rebalances th:nth-child({place})")
    cells = page.locator(f"#rebalances tbody td:nth-child({place})")
    expected = sorted(item.price for item in RESULTS.rebalances)
    heading.locator(".title").click()
    shown = [float(text.replace(",", "")) for text in cells.all_inner_texts()]
    assert shown == pytest.approx(expected, abs=0.006)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator(".title").press("Enter")
    assert cells.all_inner_texts() == [f"{value:,.2f}" for value in reversed(shown)]
    assert heading.get_attribute("aria-sort") == "descending"


def test_a_filter_leaves_the_rows_of_its_group(visit: Open) -> None:
    page = visit("report.html")
    page.locator('.filter[data-for="rebalances"] button[data-group="refused"]').click()
    rows = page.locator("#rebalances tbody tr:visible")
    refused = sum(item.decision == "refused" for item in RESULTS.rebalances)
    assert rows.count() == refused
    assert set(rows.locator("td:nth-child(3)").all_inner_texts()) == {"refused"}
    page.locator('.filter[data-for="rebalances"] button[data-group=""]').click()
    assert rows.count() == len(RESULTS.rebalances)


def test_without_javascript_the_tables_are_there(visit: Open) -> None:
    page = visit("report.html", java_script_enabled=False)
    assert page.locator("#rebalances tbody tr").count() == len(RESULTS.rebalances)


def test_the_report_prints(visit: Open, artifacts: Path) -> None:
    page = visit("report.html", color_scheme="dark")
    data = page.pdf(path=artifacts / "report.pdf", prefer_css_page_size=True)
    assert data.startswith(b"%PDF")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    widths = page.evaluate(
        """() => [...document.querySelectorAll(".plot")].map((p) => p._fullLayout.width)"""
    )
    assert widths == [980] * 5 + [310] * len(RESULTS.markouts)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"


@pytest.mark.parametrize(
    ("name", "options"),
    [("wide", {}), ("phone", {"viewport": PHONE, "has_touch": True, "is_mobile": True})],
)
def test_the_comparison_is_drawn_without_a_complaint(
    visit: Open, artifacts: Path, name: str, options: dict[str, Any]
) -> None:
    page = visit("compare.html", **options)
    page.wait_for_selector("#figure-parallel canvas")
    assert set(drawn(page)) == {"figure-parallel", "figure-scatter", "figure-curves"}
    assert page.locator("#figure-scatter .scatterlayer .point").count() == 24
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options.get("viewport", WIDE)["width"], "the page scrolls sideways"
    page.screenshot(path=artifacts / f"compare-{name}.png", full_page=True)


def test_the_scatter_shows_what_is_chosen(visit: Open) -> None:
    page = visit("compare.html")
    page.select_option("#scatter-x", "parameter: model.kind")
    page.select_option("#scatter-y", "Fees / LVR")
    titles = page.evaluate(
        """() => { const {xaxis, yaxis} = document.getElementById("figure-scatter")._fullLayout;
                   return [xaxis.title.text, xaxis.type, yaxis.title.text]; }"""
    )
    assert titles == ["parameter: model.kind", "category", "Fees / LVR"]
