"""``alp backtest --tape --desk``: a desk of one's own, and how its faults end."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result
from desk_cases import ASK, BID, level, rows, trade

from alp.backtest.tick_file import Grid, TapeFacts, write_tape
from alp.cli.app import root as command
from alp.errors import ExitCode

SECOND = 10**9
START = 1_704_412_800 * SECOND
DESK = """
from alp.models.desk import Desk, Held, Tick, Wish


class Mine(Desk):
    interval_ns = 60_000_000_000

    def __init__(self, instruments, lots=1000):
        self.lots = lots
        self.number = 0

    def on(self, event):
        if isinstance(event, Tick):
            self.number += 1
            return [Wish(self.number, 0, event.at_ns, event.at_ns + 10**11,
                         ((225_001, self.lots),), (), {})]

    def snapshot(self):
        return {}

    def restore(self, state):
        pass
"""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "eth.alptape"
    grid = Grid(Decimal("0.01"), Decimal("0.0001"))
    made = rows(
        level(START, BID, 225_001, 500),
        level(START, ASK, 225_003, 500),
        trade(START + 900 * SECOND, False, 225_001, 9_000),
        level(START + 1_700 * SECOND, BID, 225_000, 1),
    )
    write_tape(path, TapeFacts("binance-spot", "ETHUSDT", grid), [made])
    return path


def run(root: Path, tape: Path, *options: str) -> Result:
    return CliRunner().invoke(
        command,
        [
            "backtest",
            str(root / "examples" / "eth-usdc.yaml"),
            "--no-report",
            "-o",
            str(tape.parent / "out"),
            "--set",
            "backtest.window.end=2024-01-05T00:30:00Z",
            "--tape",
            f"binance={tape}",
            *options,
        ],
    )


def written(folder: Path, text: str = DESK) -> str:
    (folder / "mine.py").write_text(dedent(text))
    return f"{folder / 'mine.py'}:Mine"


def test_a_desk_of_ones_own_quotes_on_the_tape(root: Path, tape: Path) -> None:
    result = run(root, tape, "--desk", written(tape.parent), "--desk-option", "lots=700")
    assert result.exit_code == ExitCode.OK, result.output
    found = json.loads((tape.parent / "out" / "results.json").read_text())
    [fill] = found["hedge"]["fills"]
    assert (fill["side"], Decimal(fill["quantity"])) == ("buy", Decimal("0.07"))
    assert found["fidelity"]["cefi"] == "ticks"


def test_the_line_of_a_desk_that_fails_is_named(root: Path, tape: Path) -> None:
    name = written(tape.parent, DESK.replace("self.number += 1", "self.number += self.nothing"))
    result = run(root, tape, "--desk", name)
    line = next(at for at, text in enumerate(DESK.splitlines(), 1) if "self.number += 1" in text)
    assert result.exit_code == ExitCode.DESK
    assert f"{tape.parent / 'mine.py'}:{line}: Mine failed on Tick(" in result.output
    assert "AttributeError: 'Mine' object has no attribute 'nothing'" in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", r"mine\.py:1: "),
        ("import math\n1 / 0\n", r"mine\.py:2: .*ZeroDivisionError"),
        (DESK.replace("self.lots = lots", "self.lots = lots / 0"), r"mine\.py:9: Mine failed when"),
        (DESK.replace("((225_001, self.lots),)", "((2250.01, 1),)"), r"Mine: wish 1 has a level"),
        (DESK.replace("interval_ns = 60_000_000_000", "interval_ns = 0"), r"interval_ns 0 is not"),
    ],
)
def test_other_faults_of_a_desk_name_their_place(
    root: Path, tape: Path, text: str, said: str
) -> None:
    result = run(root, tape, "--desk", written(tape.parent, text))
    assert result.exit_code == ExitCode.DESK
    assert re.search(said, result.output)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--desk", "nothing"), "names no desk"),
        (("--desk", "no_such_module:Mine"), "no module no_such_module"),
        (("--desk", "mine.py:Mine"), "no file mine.py"),
        (("--desk", "alp.models.desk:Wish"), "has no desk Wish"),
    ],
)
def test_a_desk_that_is_not_there_is_said(
    root: Path, tape: Path, options: tuple[str, ...], said: str
) -> None:
    result = run(root, tape, *options)
    assert result.exit_code == ExitCode.CONFIG
    assert said in result.output


def test_an_option_that_a_desk_does_not_take_is_said(root: Path, tape: Path) -> None:
    result = run(root, tape, "--desk", written(tape.parent), "--desk-option", "size=1")
    assert result.exit_code == ExitCode.CONFIG
    assert "'size'" in result.output


def test_options_that_make_no_sense_together_are_refused(root: Path, tape: Path) -> None:
    manifest = str(root / "examples" / "eth-usdc.yaml")
    alone = CliRunner().invoke(command, ["backtest", manifest, "--desk", "mine:Mine"])
    assert alone.exit_code == ExitCode.USAGE
    assert run(root, tape, "--desk-option", "lots=1").exit_code == ExitCode.USAGE
    assert run(root, tape, "--tape", "nothing").exit_code == ExitCode.USAGE


def test_the_example_of_the_page_runs(root: Path, tape: Path) -> None:
    name = f"{root / 'examples' / 'desks' / 'two_sided.py'}:TwoSided"
    result = run(root, tape, "--desk", name, "--desk-option", "size_base=0.05", "--queue", "power")
    assert result.exit_code == ExitCode.OK, result.output
    assert "venue ticks" in result.output
