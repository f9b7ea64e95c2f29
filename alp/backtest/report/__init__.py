"""The HTML report of a backtest: one self-contained page made from the results alone."""

from alp.backtest.report.report import render_report

__all__ = ["render_report"]
