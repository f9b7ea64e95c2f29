"""Every adapter passes the conformance kit; one that does not do what it should, fails it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from alp._core.order_life import OrderEvent
from alp.cli.conform import _simulated, conform
from alp.errors import ConfigError
from alp.services.conformance import world as conformance_world
from alp.services.conformance.kit import CASES, Line, Result, cases_of
from alp.services.conformance.kit import conform as run
from alp.venues.adapter import Endpoints
from alp.venues.orders import Action, Answer, Call, Outcome
from alp.venues.registry import EXCHANGES, orders_for

pytestmark = pytest.mark.timed
LOST = "a cancel that is lost is done"


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_case_that_applies_is_ok(exchange: str) -> None:
    report = asyncio.run(run(exchange, _simulated(exchange, None)))
    failed = [f"{each.number}: {each.why}" for each in report.lines if each.result == "failed"]
    assert failed == []
    assert report.passed
    assert [each.number for each in report.lines] == [f"C{n:02}" for n in range(1, 31)]
    assert report.count(Result.OK) >= 22


class Wrong:
    """An adapter that reads answers otherwise than it should."""

    def __init__(self, exchange: str, endpoints: Endpoints, wrong: str) -> None:
        self._real: Any = orders_for(exchange, endpoints)
        self._wrong = wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def commands(self, commands: Any, signer: Any, *, socket: bool) -> Any:
        if self._wrong == LOST and commands[0].action is Action.CANCEL:
            asked = self._real.query(commands[0], signer)
            return replace(asked, commands=tuple(commands))
        return self._real.commands(commands, signer, socket=socket)

    def read(self, call: Call, answer: Answer, instruments: Any) -> Outcome:
        outcome: Outcome = self._real.read(call, answer, instruments)
        commands = {each.action for each in call.commands}
        facts = []
        for fact in outcome.facts:
            kind = fact.kind
            if self._wrong == "refused is acked" and kind is OrderEvent.REJECTED:
                kind = OrderEvent.ACKED
            if self._wrong == "unknown is refused" and kind is OrderEvent.UNKNOWN:
                kind = OrderEvent.REJECTED
            if self._wrong == LOST and Action.CANCEL in commands:
                kind = OrderEvent.CANCELED
            facts.append(replace(fact, kind=kind))
        return replace(outcome, facts=tuple(facts))


def wrong_line(wrong: str, number: str) -> Line:
    report = asyncio.run(
        run(
            "binance-spot",
            _simulated("binance-spot", None),
            cases_of([number]),
            make=lambda exchange, ends: Wrong(exchange, ends, wrong),
        )
    )
    assert not report.passed
    return report.lines[0]


@pytest.mark.parametrize(
    ("wrong", "number"), [("refused is acked", "C02"), ("unknown is refused", "C12"), (LOST, "C07")]
)
def test_an_adapter_that_reads_answers_wrongly_fails(
    wrong: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conformance_world, "WITHIN_S", 5.0)
    line = wrong_line(wrong, number)
    assert (line.number, line.result) == (number, Result.FAILED)
    assert line.why


def test_the_command_prints_a_row_for_each_case_and_says_how_it_went() -> None:
    done = CliRunner().invoke(conform, ["kraken-futures", "--case", "C01", "--case", "c30"])
    assert done.exit_code == 0
    rows = done.output.splitlines()
    assert [row[:3] for row in rows[:2]] == ["C01", "C30"]
    assert " ok " in rows[0]
    assert "left out" in rows[1]
    assert rows[2] == "kraken-futures: 1 ok, 0 failed, 1 left out"


def test_json_has_what_each_case_asks_and_the_faults_it_covers() -> None:
    done = CliRunner().invoke(conform, ["kraken-futures", "--case", "C07", "--json"])
    told = json.loads(done.output)
    assert told["passed"] is True
    assert told["cases"][0]["number"] == "C07"
    assert told["cases"][0]["result"] == "ok"


def test_where_no_case_ran_it_did_not_pass() -> None:
    done = CliRunner().invoke(conform, ["kraken", "--case", "C14"])
    assert done.exit_code == 1


def test_cases_have_numbers() -> None:
    assert len({each.number for each in CASES}) == len(CASES) == 30
    with pytest.raises(ConfigError, match="C31"):
        cases_of(["C31"])
