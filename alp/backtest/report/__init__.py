"""The HTML report of a backtest: one self-contained page made from the results alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alp.backtest.results import Results

__all__ = ["render_report"]


def render_report(results: Results) -> str:
    """Render the report page, a complete HTML document.

    The parts of the page are imported here: the summary in a terminal shares some of this
    package's modules and needs none of those.

    Parameters
    ----------
    results
        A backtest's results; :meth:`Results.check_identity` must hold for the page to be true.
    """
    from alp.backtest.report import report

    return report.render_report(results)
