"""The page that compares the runs of a sweep."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest
from backtest.builders import realistic_results, sweep

from alp.backtest.compare import comparison_table, render_comparison
from alp.backtest.compared import CURVE_POINTS, METRICS, ComparedRun, metric, ranked, varied
from alp.backtest.report.comparison import MOST_CURVES, comparison_figures, scatter_axes
from alp.errors import ConfigError

RUNS = sweep(8, hours=48)


def test_equal_runs_give_an_equal_page_whatever_their_order() -> None:
    assert render_comparison(RUNS) == render_comparison(list(reversed(RUNS)))


def test_runs_are_ranked_best_first() -> None:
    gains = [run.metrics["nav_change"] for run in ranked(RUNS, "nav_change")]
    assert gains == sorted(gains, reverse=True)  # type: ignore[type-var]
    falls = [run.metrics["max_drawdown_bps"] for run in ranked(RUNS, "max_drawdown_bps")]
    assert falls == sorted(falls)  # type: ignore[type-var]


def test_a_run_without_the_metric_comes_last() -> None:
    blind = replace(RUNS[0], metrics={**RUNS[0].metrics, "fees_to_lvr": None})
    assert ranked([blind, *RUNS[1:]], "fees_to_lvr")[-1] is blind
    assert "–" in [cell.text for cell in comparison_table([blind], "fees").rows[0]]


def test_only_parameters_that_differ_have_a_column() -> None:
    same = [replace(run, parameters={**run.parameters, "hedge.enabled": True}) for run in RUNS]
    assert "hedge.enabled" not in varied(same)
    assert varied(same) == ["ranges.baseSpreadBps", "model.riskAversion", "model.kind"]
    titles = [column.title for column in comparison_table(same, "fees").columns]
    assert titles[:5] == ["Rank", "Run", *varied(same)]


def test_true_and_one_are_different_values() -> None:
    pair = [replace(RUNS[0], parameters={"x": value}) for value in (True, 1)]
    assert varied(pair) == ["x"]


def test_the_table_sorts_numbers_as_numbers() -> None:
    table = comparison_table(ranked(RUNS, "fees"), "fees")
    assert [row[0].text for row in table.rows] == [str(place) for place in range(1, 9)]
    spreads = [row[2].sort for row in table.rows]
    assert all(isinstance(value, float) for value in spreads)


def test_what_is_kept_of_a_run_is_small_and_can_be_sent() -> None:
    run = ComparedRun.of("long", {}, realistic_results(hours=2_000))
    assert len(run.curve) <= CURVE_POINTS + 2
    assert run.curve[0] == pytest.approx(0.0)
    assert pickle.loads(pickle.dumps(run)) == run


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_plotly_accepts_the_figures_of_any_number_of_runs(count: int) -> None:
    order = ranked(RUNS[:count], "nav_change")
    figures = comparison_figures(order, varied(order), metric("nav_change"))
    assert ("parallel" in figures) == (count >= 3)
    for figure in figures.values():
        drawn = re.sub(r'"@[a-z-]+"', '"#123456"', json.dumps([figure.data, figure.layout]))
        data, layout = json.loads(drawn)
        go.Figure({"data": data, "layout": layout})
    assert "One run" in render_comparison(order[:1])


def test_words_on_a_parallel_axis_are_ticks() -> None:
    order = ranked(RUNS, "nav_change")
    figure = comparison_figures(order, varied(order), metric("nav_change"))["parallel"]
    kind = next(item for item in figure.data[0]["dimensions"] if item["label"] == "kind")
    assert kind["ticktext"] == ["AvellanedaStoikov", "GLFT"]
    shown = [kind["ticktext"][value] for value in kind["values"]]
    assert shown == [run.parameters["model.kind"] for run in order]


def test_a_large_sweep_draws_the_best_curves_and_the_worst() -> None:
    many = [replace(RUNS[0], label=f"run-{index:03d}") for index in range(MOST_CURVES + 50)]
    figure = comparison_figures(ranked(many, "fees"), [], metric("fees"))["curves"]
    assert len(figure.data) == MOST_CURVES + 2
    assert figure.data[-1]["name"] == f"Worst: {many[-1].label}"
    assert f"Of {len(many)} runs the best {MOST_CURVES}." in figure.caption


def test_the_scatter_can_show_every_parameter_and_metric() -> None:
    axes = scatter_axes(RUNS, varied(RUNS), metric("versus_hold"))
    assert axes["x"] == "parameter: ranges.baseSpreadBps"
    assert axes["y"] == "Versus holding, USDC"
    assert len(axes["values"]) == 3 + len(METRICS)
    assert scatter_axes(RUNS, [], metric("fees"))["x"] == "Max drawdown, bps"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ConfigError, match="no run"):
        render_comparison([])
    with pytest.raises(ConfigError, match="quote tokens"):
        render_comparison([RUNS[0], replace(RUNS[1], quote="DAI")])
    with pytest.raises(ConfigError, match="'sharpe' is not a metric") as caught:
        render_comparison(RUNS, objective="sharpe")
    assert "nav_change" in str(caught.value.hint)
