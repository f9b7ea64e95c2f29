"""A script of faults: what it says, and every fault of its own named by its field."""

from __future__ import annotations

from pathlib import Path

import pytest

from alp.errors import ConfigError
from alp.paper.faults.file import faults_of, read_faults
from alp.paper.faults.script import EVERY, Act, Fault
from alp.strategy.document import read_document

GOOD = """\
connections:
- {connection: 1, after: 100, fault: gap, count: 2}
- {connection: every, after: 500, fault: close, code: 1012}
- {connection: 2, fault: delay, delay: 250ms}
- {connection: 2, fault: half-open}
rest:
- {path: depth, status: 429, times: 2, retryAfter: 2500ms}
- {status: 503}
random: {seed: 7, mean: 90s, faults: [drop, silence]}
clockSkew: -1500ms
"""


def test_it_says_what_happens_when() -> None:
    found = faults_of(read_document(GOOD.encode(), "faults.yaml"))
    assert found.script.due(1, 100) == [Act(Fault.GAP, count=2)]
    assert found.script.due(1, 100) == []
    assert found.script.due(2, 0) == [Act(Fault.DELAY, delay_ms=250), Act(Fault.HALF_OPEN)]
    for connection in (1, 2, 77):
        assert found.script.due(connection, 500) == [Act(Fault.CLOSE, code=1012)]
    assert found.script.acts.keys() == {(EVERY, 500)}
    for _ in range(2):
        refusal = found.script.answer("/fapi/v1/depth")
        assert refusal is not None
        assert (refusal.status, refusal.headers) == (429, {"Retry-After": "3"})
    other = found.script.answer("/fapi/v1/depth")
    assert other is not None
    assert (other.status, other.headers) == (503, {})
    assert found.script.answer("/fapi/v1/depth") is None
    assert found.random is not None
    assert (found.random.seed, found.random.mean_s) == (7, 90)
    assert found.random.faults == (Fault.DROP, Fault.SILENCE)
    assert found.skew_ns == -1_500_000_000


def test_random_faults_need_nothing_more() -> None:
    found = faults_of(read_document(b"random: {}", "faults.yaml"))
    assert found.random is not None
    assert Fault.GAP in found.random.faults
    assert found.script.acts == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- 1", "must be a mapping"),
        ("conections: []", "conections: is not a field; did you mean connections?"),
        ("connections: {}", "connections: must be a list"),
        ("connections: [drop]", "connections[0]: must be a mapping"),
        ("connections: [{fault: drop}]", "connections[0].connection: is required"),
        ("connections: [{connection: 0, fault: drop}]", "connection: 0 is out of bounds"),
        ("connections: [{connection: all, fault: drop}]", "connection: all is not a whole number"),
        ("connections: [{connection: 1}]", "connections[0].fault: is required"),
        ("connections: [{connection: 1, fault: half_opn}]", "did you mean half-open?"),
        ("connections: [{connection: 1, fault: rain}]", "rain is not a fault; allowed: close, "),
        (
            "connections: [{connection: 1, fault: gap, code: 3}]",
            "connections[0].code: is nothing that gap has",
        ),
        ("connections: [{connection: 1, fault: gap, count: -1}]", "count: -1 is out of bounds"),
        ("connections: [{connection: 1, fault: delay, delay: 3}]", "delay: '3' has no unit"),
        ("connections: [{connection: 1, fault: drop, after: 1.5}]", "1.5 is not a whole number"),
        ("rest: [{path: depth}]", "rest[0].status: is required"),
        ("rest: [{status: 200}]", "rest[0].status: 200 is out of bounds; allowed: 400 to 599"),
        ("rest: [{status: 429, retryAfter: soon}]", "rest[0].retryAfter: 'soon' is not a duration"),
        ("random: {mean: 0s}", "random.mean: must be longer than nothing"),
        ("random: {faults: []}", "random.faults: must be a list of faults"),
        ("random: {faults: [drop, rain]}", "random.faults[1]: rain is not a fault"),
        ("clockSkew: 3", "clockSkew: '3' has no unit"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        faults_of(read_document(text.encode(), "faults.yaml"))
    assert words in str(error.value)
    assert str(error.value).startswith("faults.yaml")


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("connections:\n- {connection: 1, fault: rain}\nrest:\n- {status: 1}\n")
    with pytest.raises(ConfigError) as error:
        read_faults(file)
    first, second = str(error.value).splitlines()
    assert first.startswith(f"{file}:2: connections[0].fault: ")
    assert second.startswith(f"{file}:4: rest[0].status: ")
