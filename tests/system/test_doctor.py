"""The doctor, at simulated exchanges: a healthy strategy, and each fault with its remedy."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner
from clinic_world import MANIFEST, SYMBOLS, clinic
from waits import run

from alp.cli.doctor import doctor as command
from alp.paper.accounts import TRADE, WITHDRAW
from alp.paper.orders import Ticket
from alp.system.checks import Check, Verdict

pytestmark = pytest.mark.timed


def faults(checks: list[Check]) -> list[Check]:
    return [each for each in checks if each.verdict is Verdict.FAULT]


def named(checks: list[Check], name: str) -> Check:
    (found,) = (each for each in checks if each.name == name)
    return found


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_strategy_that_could_run_has_no_faults(tmp_path: Path, name: str) -> None:
    async def test() -> None:
        async with clinic(tmp_path, name) as here:
            checks = await here.examine()
            assert faults(checks) == []
            looked = {each.name for each in checks if each.verdict is not Verdict.SKIPPED}
            assert {"plan", "clock", "keys", "watchdog's keys", "balances", "limits"} <= looked
            assert "0 of this strategy, 0 of others" in named(checks, "open orders").found
            held = named(checks, "balances").found
            assert "7 ETH" in held or "1,000,000 US" in held

    run(test())


def test_each_fault_is_named_with_a_remedy(tmp_path: Path) -> None:
    async def test() -> None:
        async with clinic(tmp_path) as here:
            here.exchange.protocol.skew_ns = 3 * 10**9
            here.account.balances.clear()
            checks = await here.examine(
                lambda text: text.replace(
                    'order: {maxBase: "2"}', 'tickSize: "0.5"\n    order: {maxBase: "0.0001"}'
                )
            )
            found = {each.name: each for each in faults(checks)}
            assert {"tickSize", "limits", "clock", "balances"} <= set(found)
            assert "is 0.5, and the venue's is 0.01" in found["tickSize"].found
            assert "spec.venues[0].order.maxBase" in found["limits"].found
            assert "is +" in found["clock"].found
            assert all(each.remedy for each in found.values())

    run(test())


def test_a_key_that_may_withdraw_and_one_that_may_nothing_are_faults(tmp_path: Path) -> None:
    async def test() -> None:
        async with clinic(tmp_path, "coinbase-spot") as here:
            here.account.keys[0].permissions |= {WITHDRAW}
            here.account.keys[1].permissions -= {TRADE}
            found = {each.name: each for each in faults(await here.examine())}
            assert set(found) == {"permissions", "watchdog's permissions"}
            assert "may not withdraw" in found["permissions"].remedy
            assert "let it cancel or trade" in found["watchdog's permissions"].remedy

    run(test())


def test_orders_that_are_open_are_told_and_whose_they_are(tmp_path: Path) -> None:
    async def test() -> None:
        async with clinic(tmp_path) as here:
            side = here.exchange.protocol.private
            assert side is not None
            touch = here.exchange.markets["ETHUSDC"].book.touch()
            assert touch is not None
            ticket = Ticket("ETHUSDC", True, 100, touch[0] - 500)
            ticket.notes = {"type": "LIMIT", "tif": "GTC"}
            ticket.client_id = "somebody-else"
            side.desk.place("here", ticket)
            check = named(await here.examine(), "open orders")
            assert check.verdict is Verdict.WARNING
            assert check.found == "0 of this strategy, 1 of others"

    run(test())


def test_an_unknown_product_missing_keys_and_a_venue_that_is_gone(tmp_path: Path) -> None:
    async def test() -> None:
        async with clinic(tmp_path) as here:
            checks = await here.examine(lambda text: text.replace("ETHUSDC", "NOSUCH"))
            assert "NOSUCH" in named(faults(checks), "product").found
            (tmp_path / "keys" / "here-watchdog" / "key").unlink()
            missing = named(faults(await here.examine()), "watchdog's keys")
            assert "no key" in missing.found
            assert "ALP_HERE_WATCHDOG_KEY" in missing.remedy
        gone = faults(await here.examine())
        assert {"product", "clock"} <= {each.name for each in gone}
        assert all("network" in each.remedy for each in gone if each.name == "product")

    run(test())


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / "strategy.yaml"
    text = MANIFEST.format(exchange="binance-spot", symbol="ETHUSDC", rest="-", stream="-")
    path.write_text("\n".join(each for each in text.splitlines() if "endpoints" not in each))
    return path


def test_the_command_prints_a_table_or_json_and_its_status_says_whether_it_could_run(
    example: Path, tmp_path: Path
) -> None:
    options = [str(example), "--state", str(tmp_path / "state")]
    told = CliRunner().invoke(command, options)
    assert told.exit_code == 0, told.output
    assert "it could run: alp paper" in told.output
    found = json.loads(CliRunner().invoke(command, [*options, "--json"]).output)
    assert found["ok"]
    assert {each["verdict"] for each in found["checks"]} <= {"ok", "warning", "skipped"}
    assert not (tmp_path / "state").exists()


def test_a_kill_switch_a_taken_port_and_a_folder_that_is_none(
    example: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "KILLED").write_text("because\n")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        options = [str(example), "--state", str(state), "--health", f"127.0.0.1:{port}", "--json"]
        told = CliRunner().invoke(command, options)
    assert told.exit_code == 1
    rows = {each["check"]: each for each in json.loads(told.output)["checks"]}
    assert rows["ports"]["verdict"] == "fault"
    assert rows["kill switch"]["verdict"] == "warning"
    assert "because" in rows["kill switch"]["found"]
