"""``alp report``: a results file in, a page, a table or numbers out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from backtest.builders import realistic_results
from click.testing import CliRunner, Result

from alp.backtest.report import render_report
from alp.cli.report import report
from alp.errors import Corrupt, DataError

RESULTS = realistic_results(hours=48)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "results.json"
    path.write_bytes(RESULTS.to_json_bytes())
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(report, [str(arg) for arg in args])


def test_the_page_is_written_beside_the_results(file: Path) -> None:
    result = run(file)
    assert result.exit_code == 0
    page = file.with_name("report.html")
    assert result.output == f"{page}\n"
    assert page.read_text(encoding="utf-8") == render_report(RESULTS)


def test_the_page_is_written_where_asked(file: Path, tmp_path: Path) -> None:
    assert run(file, "-o", tmp_path / "eth.html").exit_code == 0
    assert (tmp_path / "eth.html").is_file()
    assert not file.with_name("report.html").exists()


def test_the_table_and_the_numbers_write_nothing(file: Path) -> None:
    assert "Change of NAV" in run(file, "--table").output
    assert json.loads(run(file, "--json").output)["strategy"] == "eth-usdc"
    assert [path.name for path in file.parent.iterdir()] == ["results.json"]


def test_results_that_do_not_add_up_are_refused(file: Path) -> None:
    wrong = replace(RESULTS, nav=replace(RESULTS.nav, change=RESULTS.nav.change + 1))
    file.write_bytes(wrong.to_json_bytes())
    result = run(file)
    assert isinstance(result.exception, Corrupt)
    assert not file.with_name("report.html").exists()


def test_another_file_is_refused_by_name(file: Path) -> None:
    file.write_text("{}")
    result = run(file)
    assert isinstance(result.exception, DataError)
    assert str(file) in str(result.exception)
