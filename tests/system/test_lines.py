"""Lines of the parts: names, JSON, secrets; and status and residue as they are read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from alp.system.lines import Lines, secrets_of
from alp.system.parts import Part, Role
from alp.system.residue import residue_of, watchdog_saw_none
from alp.system.status import gate_of
from alp.system.surroundings import Ports, is_free


def written(path: Path, *, as_json: bool) -> list[str]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with Lines(descriptor, as_json=as_json, secrets=["hunter22"], width=6) as lines:
        lines.said("quotes", '{"level": "info", "message": "hunter22 said"}')
        lines.said("h", "not JSON: [1, 2]")
        lines.said("h", "[1, 2]")
        lines.say("well", "warning")
    os.close(descriptor)
    assert lines.dropped == 0
    assert [text for _, text in lines.recent] == path.read_text().splitlines()
    assert [number for number, _ in lines.recent] == [1, 2, 3, 4]
    return path.read_text().splitlines()


def test_lines_have_their_parts_name_as_text(tmp_path: Path) -> None:
    found = written(tmp_path / "x", as_json=False)
    assert found[0] == 'quotes | {"level": "info", "message": "*** said"}'
    assert found[1] == "h      | not JSON: [1, 2]"
    assert found[3].startswith("system | 2")
    assert found[3].endswith(" WARNING well")


def test_lines_are_json_whatever_a_part_wrote(tmp_path: Path) -> None:
    found = [json.loads(each) for each in written(tmp_path / "x", as_json=True)]
    assert found[0] == {"part": "quotes", "level": "info", "message": "*** said"}
    assert found[1] == {"part": "h", "message": "not JSON: [1, 2]"}
    assert found[2] == {"part": "h", "message": "[1, 2]"}
    assert (found[3]["part"], found[3]["message"]) == ("system", "well")


def test_keys_are_secrets_and_paths_of_keys_are_not() -> None:
    environment = {
        "ALP_A_SECRET": "longest-one",
        "ALP_A_KEY": "shorter",
        "ALP_A_PRIVATE_KEY_FILE": "/a/path",
        "ALP_B_KEY": "",
        "ALP_LOG_LEVEL": "debug",
        "KEY": "another",
    }
    assert secrets_of(environment) == ["longest-one", "shorter"]


HANDLER = Part("handler", Role.HANDLER, (), "127.0.0.1:1", account="mine")


@pytest.mark.parametrize("status", [0, 74])
def test_a_handler_that_ended_well_left_nothing(status: int) -> None:
    assert residue_of(HANDLER, status, ["1 orders may still be open:", "  x"]) is None


@pytest.mark.parametrize("status", [5, 70, -9, -11])
def test_a_handler_that_did_not_end_well_did_not_say_what_it_left(status: int) -> None:
    found = residue_of(HANDLER, status, [])
    assert found is not None
    assert found.orders == ()


def test_a_watchdog_is_believed_when_it_has_listed_the_account_after_it_took_over() -> None:
    none = {"open orders": {"ours": 0}}
    assert watchdog_saw_none({"acting": "", "lists": 9, **none}, [], None) == (None, False)
    assert watchdog_saw_none({"acting": "silent", "lists": 9, **none}, [], None) == (9, False)
    assert watchdog_saw_none({"acting": "silent", "lists": 9, **none}, [], 9) == (9, False)
    assert watchdog_saw_none({"acting": "silent", "lists": 10, **none}, [], 9) == (9, True)
    some = {"acting": "silent", "lists": 10, "open orders": {"ours": 1}}
    assert watchdog_saw_none(some, [], 9) == (9, False)
    trouble = ["orders: the venue does not answer"]
    assert watchdog_saw_none({"acting": "x", "lists": 10, **none}, trouble, 9) == (9, False)
    assert watchdog_saw_none({}, [], 9) == (None, False)


def test_what_a_handler_lets_leave_is_one_word() -> None:
    assert gate_of({}) == "unknown"
    assert gate_of({"ok": True}) == "active"
    assert gate_of({"ok": True, "reducing": {"position": "why"}}) == "reducing"
    assert gate_of({"ok": False, "reasons": ["book: x"]}) == "halted"
    assert gate_of({"ok": False, "reasons": ["killed: because"]}) == "killed"


def test_ports_are_free_and_given_once() -> None:
    ports = Ports()
    found = [ports.next() for _ in range(20)]
    assert len(set(found)) == 20
    assert all(is_free("127.0.0.1", each) for each in found)
