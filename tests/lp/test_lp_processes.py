"""Chain and agent as processes: killed, stopped, cut off, told to stand still."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from random import Random

import pytest
from lp_processes import Stage, stage

pytestmark = pytest.mark.timed

RATE = ("--rate", "80")


def check(here: Stage) -> int:
    """What was said of blocks that the chain still knows is true; return how many those were."""
    truths = here.truths()
    last = {each.block: each for each in here.heard}
    for number in set(last) & set(truths):
        assert (last[number].base, last[number].quote) == truths[number], number
    return len(set(last) & set(truths))


def test_killed_again_and_again_nothing_is_minted_twice(root: Path, tmp_path: Path) -> None:
    random = Random(5)
    with stage(root, tmp_path, *RATE) as here, here.hear() as subscriber:
        for fault in ("lose_answer", "delay", "drop", "lose_request"):
            here.asked(fault={"fault": fault, "blocks": 8, "after": 1, "times": 1})
        checked = 0
        for _ in range(6):
            agent = here.agent()
            here.until(lambda agent=agent: agent.page("/positions")[0] == 200)
            end = time.monotonic() + random.random() * 2
            while time.monotonic() < end:
                here.listen(subscriber)
                time.sleep(0.01)
            checked += check(here)
            assert agent.end(signal.SIGKILL) == -signal.SIGKILL
        agent = here.agent()

        def at_rest() -> bool:
            page = agent.page("/readyz")
            return page[0] == 200 and page[1]["plan"]["stage"] == "idle"

        here.until(at_rest, subscriber)
        here.until(lambda: check(here) > 3, subscriber)
        here.asked(pause=True)
        account, counts = here.view().account, here.asked()["counts"]
        assert 1 <= len(account.positions) <= 2
        assert len({each[1:3] for each in account.positions}) == len(account.positions)
        assert account.nonce == counts["executed"] + counts["reverted"]
        assert checked > 20
        assert here.beats > 5
        assert agent.end() in (0, 7)


def test_stopped_while_a_plan_is_under_way_it_says_so_and_goes_on_later(
    root: Path, tmp_path: Path
) -> None:
    with stage(root, tmp_path, "--rate", "0") as here:
        agent = here.agent()
        here.until(lambda: here.asked()["waiting"] == 1)
        assert agent.end() == 7
        assert "plan 1 is under way: sent" in agent.text
        assert "Traceback" not in agent.text
        again = here.agent("--confirmations", "1")
        here.until(lambda: again.page("/positions")[0] == 200 and again.page("/positions")[1])
        here.asked(mine=1)
        here.until(lambda: again.page("/positions")[1]["plan"]["stage"] == "idle")
        assert here.asked()["counts"]["sent"] == 1
        assert len(here.view().account.positions) == 2
        assert again.end() == 0


def test_the_kill_switch_holds_it_until_it_is_released(root: Path, tmp_path: Path) -> None:
    with stage(root, tmp_path, *RATE) as here:
        killed = here.alp("kill", str(here.manifest), "--state", str(tmp_path), "--reason", "odd")
        assert killed.returncode == 0, killed.stderr
        agent = here.agent()
        here.until(lambda: "odd" in str(agent.page("/readyz")[1]))
        here.until(lambda: agent.page("/positions")[1].get("block", 0) > 0)
        block = agent.page("/positions")[1]["block"]
        here.until(lambda: agent.page("/positions")[1]["block"] > block + 5)
        assert here.asked()["counts"]["sent"] == 0
        assert 'alp_lp_killed{strategy="pooled"} 1.0' in agent.page("/metrics")[1]
        released = here.alp("release", str(here.manifest), "--state", str(tmp_path))
        assert released.returncode == 0, released.stderr
        here.until(lambda: here.asked()["counts"]["executed"] == 1)
        here.until(lambda: agent.page("/readyz")[0] == 200)
        assert agent.end() in (0, 7)


def test_cut_off_from_the_chain_it_comes_back_and_says_the_truth(
    root: Path, tmp_path: Path
) -> None:
    with stage(root, tmp_path, *RATE) as here, here.hear() as subscriber:
        agent = here.agent("--confirmations", "1")
        here.until(lambda: here.asked()["counts"]["executed"] == 1, subscriber)
        for _ in range(3):
            here.asked(fault={"fault": "disconnect", "block": 0})
            here.asked(fault={"fault": "reorg", "block": 0, "depth": 3, "hold": 2})
            seen = len(here.heard)
            here.until(lambda seen=seen: len(here.heard) > seen + 10, subscriber)
            number = here.asked(pause=True)["number"]
            here.until(lambda number=number: here.heard[-1].block == number, subscriber)
            assert (here.heard[-1].base, here.heard[-1].quote) == here.truths()[number]
            here.asked(pause=False)
        lost = re.search(r"alp_lp_lost_chains_total{.*} (\S+)", agent.page("/metrics")[1])
        assert lost is not None
        assert float(lost.group(1)) >= 3
        epochs = [each.epoch for each in here.heard]
        assert epochs == sorted(epochs)
        assert agent.end() in (0, 7)


def test_a_second_agent_and_a_second_chain_are_refused(root: Path, tmp_path: Path) -> None:
    with stage(root, tmp_path, *RATE) as here:
        agent = here.agent()
        here.until(lambda: agent.page("/positions")[1] and agent.page("/positions")[0] == 200)
        other = here.alp(
            *("lp-agent", str(here.manifest), "--chain", here.chain),
            *("--state", str(tmp_path), "--publish", f"ipc://{tmp_path}/other.ipc"),
        )
        assert (other.returncode, "another LP agent" in other.stderr) == (3, True)
        second = here.alp(
            *("chain", str(here.manifest), "--socket", str(tmp_path / "chain.sock")),
            *("--made-up", "--price", "1"),
        )
        assert (second.returncode, "another process" in second.stderr) == (3, True)
        assert agent.end() in (0, 7)


def test_without_a_chain_it_waits_and_says_so(root: Path, tmp_path: Path) -> None:
    here = Stage(root, tmp_path)
    from lp_processes import MANIFEST

    here.manifest.write_text(MANIFEST)
    agent = here.agent()
    try:
        here.until(lambda: "no chain there" in str(agent.page("/readyz")[1]))
        assert agent.end() == 0
    finally:
        agent.process.kill()
        agent.process.wait()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lp-agent", "{}", "--chain", "http://node"), "paper:///PATH"),
        (("chain", "{}", "--made-up"), "--price"),
        (("chain", "{}"), "spec.backtest.data.pool is required"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(
    root: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    from lp_processes import MANIFEST

    here = Stage(root, tmp_path)
    here.manifest.write_text(MANIFEST)
    done = here.alp(*(each.replace("{}", str(here.manifest)) for each in arguments))
    assert done.returncode == 3
    assert words in done.stderr
