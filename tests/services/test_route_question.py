"""A question to the router as a person writes it, and its answer."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from account_world import manifest
from click.testing import CliRunner

from alp.cli.route import route
from alp.errors import ConfigError
from alp.services.execution.route_question import RouteQuestion, read_now
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError

ROOT = Path(__file__).resolve().parents[2]
BOOK: dict[str, Any] = {
    "bids": [["2679.90", "2"]],
    "asks": [["2680.10", "2"], ["2681", "2"], ["2700", "50"]],
}


def strategy(**more: Any) -> Strategy:
    def venue(name: str, exchange: str) -> dict[str, Any]:
        grid = {"tickSize": "0.01", "lotSize": "0.001"}
        return {"name": name, "exchange": exchange, "symbol": "ETHUSDC", **grid, **more}

    return manifest(venues=[venue("perp", "binance-usdm"), venue("spot", "binance-spot")])


def question(tmp_path: Path, **venues: dict[str, Any]) -> RouteQuestion:
    path = tmp_path / "books.json"
    path.write_text(json.dumps({"venues": venues}))
    return RouteQuestion(strategy(), read_now(path))


def test_an_answer_adds_up_in_the_units_people_write(tmp_path: Path) -> None:
    asked = question(tmp_path, perp=BOOK, spot=BOOK | {"gate": "halted"})
    answer = asked.written(asked.ask(1, Decimal("4.5"), None, takes=True))
    (order,) = answer.pop("orders")
    assert (order["venue"], order["size"], order["price"]) == ("perp", "4", "2681")
    assert (order["lots"], order["ticks"]) == (4000, 268_100)
    assert answer == {
        "left": "0.5",
        "short": ["SLIPPAGE"],
        "nothing": {"spot": "its gate is halted"},
    }


def test_a_position_is_written_in_base(tmp_path: Path) -> None:
    asked = question(tmp_path, perp=BOOK | {"position": "5.5", "openBuys": "0.25"})
    decision = asked.ask(1, Decimal(3), Decimal(2680), takes=False)
    assert [child.lots for child in decision.children] == [250]  # maxVenueBase is 6


@pytest.mark.parametrize(
    ("book", "message"),
    [
        ({"asks": [["2680.101", "2"]]}, "perp: 2680.101 is no multiple of 0.01"),
        ({"position": "0.0005"}, "perp: 0.0005 is no multiple of 0.001"),
        ({"asks": [["2681", "2"], ["2680", "2"]]}, "is not behind"),
    ],
)
def test_books_that_cannot_be_are_refused(
    tmp_path: Path, book: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        question(tmp_path, perp=BOOK | book).ask(1, Decimal(3), None, takes=True)


def test_a_file_is_refused_by_the_names_of_its_fields(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as raised:
        question(tmp_path, perp={"gate": "open", "ordersLeft": -1})
    assert {problem.path for problem in raised.value.problems} == {
        ("venues", "perp", "gate"),
        ("venues", "perp", "ordersLeft"),
    }


def test_a_venue_that_the_manifest_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no venue 'prep'"):
        question(tmp_path, prep=BOOK)


def test_a_manifest_without_steps_is_refused_by_their_names() -> None:
    with pytest.raises(ConfigError, match=r"spec\.venues\[0\]\.lotSize is needed"):
        RouteQuestion(strategy(lotSize=None), read_now(ROOT / "examples/data/books.yaml"))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--side", "buy", "--size", "1.5", "--price", "2240"], 0, "binance: buy 1.5 ETHUSDT at"),
        (["--side", "sell", "--size", "20", "--take"], 0, "left: 10 (SLIPPAGE)"),
        (["--side", "buy", "--size", "0.001", "--take"], 0, "binance: nothing: its part would be"),
        (["--side", "buy", "--size", "0", "--take"], 2, "not more than 0"),
    ],
)
def test_the_command_says_who_gets_what_and_why_not(
    arguments: list[str], status: int, words: str
) -> None:
    files = [
        str(ROOT / "examples/eth-usdc.yaml"),
        "--books",
        str(ROOT / "examples/data/books.yaml"),
    ]
    done = CliRunner().invoke(route, [*files, *arguments])
    assert done.exit_code == status, done.output
    assert words in done.output
