"""The agent where things go wrong: what it says is true, and nothing is done twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from lp_chain_world import ACCOUNT, World, made_chain, manifest

from alp.chain.port import Bundle, Fate, Mined
from alp.errors import ConfigError, Corrupt, RpcError
from alp.models.lp_types import Mint
from alp.paper.pool.script import ChainFault, ChainScript
from alp.services.lp.memory import FILE, MemoryFile
from alp.services.lp.saga import REPLACED, SagaRules, Stage

BLOCKS = 60


def world(folder: Path, script: ChainScript | None = None, **changes) -> World:
    seed, move = changes.pop("seed", 1), changes.pop("move", 1.5e-3)
    chain = made_chain(seed=seed, script=script, move=move)
    return World(folder, manifest(), chain, **changes)


async def checked(here: World, blocks: int) -> None:
    """Let blocks pass; after each of them everything must be right."""
    for _ in range(blocks):
        if await here.step():
            here.check()
            check_once(here)


def check_once(here: World) -> None:
    """The account's transactions are the agent's, and no range is open twice."""
    account = here.chain.view(ACCOUNT).account
    assert account.nonce <= here.chain.counts["sent"]
    ticks = [each[1:3] for each in account.positions]
    assert len(ticks) == len(set(ticks)) <= 2


PATHOLOGIES = {
    "the request is lost": ChainScript().transaction(ChainFault.LOSE_REQUEST, times=2),
    "the answer is lost": ChainScript().transaction(ChainFault.LOSE_ANSWER, times=2),
    "dropped by the node": ChainScript().transaction(ChainFault.DROP, times=3),
    "included late": ChainScript().transaction(ChainFault.DELAY, blocks=4, times=2),
    "behind the others": ChainScript().transaction(ChainFault.BURY, times=5),
    "reverts": ChainScript().transaction(ChainFault.REVERT, times=2),
    "taken back, soon again": ChainScript().transaction(ChainFault.REORG, depth=1, times=3),
    "taken back, later again": ChainScript().transaction(
        ChainFault.REORG, depth=3, blocks=2, hold=4, times=3
    ),
    "taken back and forgotten": ChainScript().transaction(
        ChainFault.REORG, depth=2, blocks=2, drop=True, times=2
    ),
    "taken back when it was believed": ChainScript().transaction(
        ChainFault.REORG, depth=6, blocks=5, hold=2, times=2
    ),
    "taken back when believed, and forgotten": ChainScript().transaction(
        ChainFault.REORG, depth=6, blocks=5, drop=True, times=2
    ),
    "gas fifty times as dear": ChainScript().at(0, ChainFault.SPIKE, blocks=12),
    "nothing is mined": ChainScript().at(1, ChainFault.STALL, blocks=7),
}


@pytest.mark.parametrize("name", PATHOLOGIES)
def test_what_is_published_is_what_the_chain_says_whatever_goes_wrong(
    name: str, tmp_path: Path
) -> None:
    from copy import deepcopy

    async def go() -> World:
        here = world(tmp_path, deepcopy(PATHOLOGIES[name]))
        await here.begin()
        await checked(here, BLOCKS)
        return here

    here = asyncio.run(go())
    assert not [each for each in here.chain.script.acts if each.block is not None]
    assert here.chain.view(ACCOUNT).account.positions, "ranges are open at the end"
    assert here.agent.counts["executed"] >= 2
    # Each plan is decided once, and each nonce was used once.
    plans = [each.plan.plan_id for each in here.decided if each.plan is not None]
    assert plans == list(range(1, len(plans) + 1))
    assert here.chain.view(ACCOUNT).account.nonce <= len(plans)
    epochs = [each.epoch for each in here.told]
    assert epochs == sorted(epochs)


def test_a_plan_taken_back_after_it_was_believed_is_undone_and_followed_again(
    tmp_path: Path,
) -> None:
    script = ChainScript().transaction(ChainFault.REORG, depth=6, blocks=5, hold=3)

    async def go() -> None:
        here = world(tmp_path, script, move=0.0)
        await here.begin()
        await here.run(4)
        assert here.agent.saga.is_idle
        assert here.agent.core.state.minted
        for _ in range(10):
            if not here.agent.counts["undone"]:
                await here.step()
                here.check()
        assert here.agent.counts["undone"] == 1
        assert here.agent.saga.stage in (Stage.UNKNOWN, Stage.SENT)
        assert not here.agent.core.state.minted
        assert here.chain.view(ACCOUNT).account.positions == ()
        await checked(here, 6)
        assert here.agent.core.state.minted
        assert len(here.chain.view(ACCOUNT).account.positions) == 2
        assert here.chain.view(ACCOUNT).account.nonce == 1

    asyncio.run(go())


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_random_while_everything_goes_wrong_it_still_tells_the_truth(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    faults = [
        {"fault": ChainFault.LOSE_REQUEST},
        {"fault": ChainFault.LOSE_ANSWER},
        {"fault": ChainFault.DROP},
        {"fault": ChainFault.DELAY, "blocks": 3},
        {"fault": ChainFault.REVERT},
        {"fault": ChainFault.BURY},
        {"fault": ChainFault.REORG, "depth": 2, "blocks": 1, "hold": 2},
        {"fault": ChainFault.REORG, "depth": 5, "blocks": 4, "drop": True},
    ]

    async def go() -> None:
        here = world(tmp_path, seed=seed)
        await here.begin()
        for _ in range(150):
            if random.random() < 0.1:
                more = dict(random.choice(faults))
                here.chain.script.transaction(more.pop("fault"), **more)
            if random.random() < 0.1:
                here.chain.script.at(0, ChainFault.REORG, depth=random.randint(1, 8))
            await here.step()
            here.check()
            check_once(here)
            if random.random() < 0.2:
                await here.kill()
                here.check()
        here.chain.script.acts.clear()
        await checked(here, 20)
        plans = {each.plan.plan_id for each in here.decided if each.plan is not None}
        assert here.chain.view(ACCOUNT).account.nonce <= len(plans)

    asyncio.run(go())


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", ["before the disk", "after the disk", "after sending"])
def test_killed_at_each_point_of_sending_nothing_is_minted_twice(
    point: str, tmp_path: Path
) -> None:
    async def go() -> None:
        here = world(tmp_path)
        port, write = here.port, MemoryFile.write

        async def send(prepared) -> None:
            if point == "after sending":
                here.chain.send(prepared.raw)
            raise Died

        def die(self, memory) -> None:
            raise Died

        if point == "before the disk":
            MemoryFile.write = die  # type: ignore[method-assign]
        else:
            port.send = send  # type: ignore[method-assign]
        try:
            with pytest.raises(Died):
                await here.begin()
        finally:
            MemoryFile.write = write  # type: ignore[method-assign]
        port.__dict__.pop("send", None)
        assert (tmp_path / FILE).exists() == (point != "before the disk")
        assert here.chain.waiting == (point == "after sending")
        await here.kill()
        await checked(here, 5)
        assert here.chain.view(ACCOUNT).account.nonce == 1
        assert len(here.chain.view(ACCOUNT).account.positions) == 2
        assert here.chain.counts["sent"] == 1
        assert here.agent.counts["executed"] == 1

    asyncio.run(go())


def test_without_its_memory_it_adopts_what_the_chain_says(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path)
        await here.begin()
        await checked(here, 3)
        before = here.chain.view(ACCOUNT).account
        (tmp_path / FILE).unlink()
        await here.kill()
        here.check()
        assert here.agent.core.state.minted
        assert here.agent.core.state.baseline is not None
        assert here.chain.view(ACCOUNT).account.positions == before.positions
        assert here.chain.waiting == 0
        await checked(here, BLOCKS)
        assert here.agent.counts["executed"] > 0

    asyncio.run(go())


def test_a_transaction_in_flight_that_it_knows_nothing_of_is_waited_for(tmp_path: Path) -> None:
    async def go() -> None:
        script = ChainScript().transaction(ChainFault.DELAY, blocks=4)
        here = world(tmp_path, script, move=0.0)
        await here.begin()
        (tmp_path / FILE).unlink()
        await here.kill()
        assert here.agent.counts["held PENDING"] == 1
        assert here.agent.saga.is_idle
        await checked(here, 12)
        assert here.chain.view(ACCOUNT).account.nonce == 1
        assert len(here.chain.view(ACCOUNT).account.positions) == 2

    asyncio.run(go())


def test_a_nonce_that_somebody_else_used_ends_the_plan_and_the_next_has_another(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        here = world(tmp_path, ChainScript().transaction(ChainFault.DROP))
        await here.begin()
        middle = here.chain.pool.tick // 10 * 10
        mint = Mint(middle - 500, middle + 500, 10**9, 10**18, 0, 0, 0)
        foreign = Bundle(0, (mint,), 2_000_000_000, 100 * 10**9, 10**9)
        here.chain.send(here.chain.prepare(ACCOUNT, foreign).raw)
        await checked(here, 3)
        assert here.agent.counts["reverted"] == 1
        assert here.agent.memory.ended.inclusion.reason == REPLACED
        await checked(here, 10)
        account = here.chain.view(ACCOUNT).account
        assert account.nonce >= 2

    asyncio.run(go())


def test_what_waits_at_too_low_a_fee_is_sent_again_with_higher_ones(tmp_path: Path) -> None:
    script = ChainScript().at(0, ChainFault.SPIKE, factor=3, blocks=1_000)

    async def go() -> None:
        here = world(tmp_path, script, move=0.0)
        await here.begin()
        first = here.agent.saga.newest
        assert first.max_fee_wei == 41 * 10**9
        await checked(here, 4)
        assert here.agent.saga.stage is Stage.SENT
        await checked(here, 8)
        assert here.agent.counts["raised"] == 1
        assert here.agent.counts["executed"] == 1
        assert here.chain.outcome(first.tx).fate is Fate.ABSENT
        assert here.chain.view(ACCOUNT).account.nonce == 1

    asyncio.run(go())


def test_fees_are_not_raised_beyond_their_bound(tmp_path: Path) -> None:
    script = ChainScript().at(0, ChainFault.SPIKE, factor=50, blocks=30)

    async def go() -> None:
        here = world(tmp_path, script)
        await here.begin()
        await checked(here, 28)
        assert here.agent.counts["raised"] == 0
        assert here.agent.saga.stage is Stage.SENT
        await checked(here, 10)
        assert here.agent.counts["executed"] == 1

    asyncio.run(go())


def test_while_it_may_not_act_no_plan_begins_and_one_under_way_is_followed(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path)
        await here.begin()
        assert not here.agent.saga.is_idle
        here.may_act = False
        await checked(here, BLOCKS)
        assert here.agent.counts["executed"] == here.agent.counts["plans"] == 1
        here.may_act = True
        await checked(here, BLOCKS)
        assert here.agent.counts["executed"] > 1

    asyncio.run(go())


def test_it_waits_for_as_many_blocks_as_it_is_told(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path, rules=SagaRules(confirmations=5), move=0.0)
        await here.begin()
        for at in range(1, 6):
            assert not here.agent.saga.is_idle, at
            await here.step()
            here.check()
        assert here.agent.saga.is_idle
        report = here.agent.core.state
        assert report.last_rebalance_ns == here.chain.head.ts_ns - 4 * 12 * 10**9

    asyncio.run(go())


def test_a_chain_that_does_not_answer_costs_nothing_but_time(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path)
        await here.begin()
        await checked(here, 3)
        random, calls = Random(1), {}
        for name in ("view", "outcome", "send", "recent"):
            calls[name] = getattr(here.port, name)

            async def flaky(*arguments, name=name):
                if random.random() < 0.3:
                    raise RpcError("gone")
                return await calls[name](*arguments)

            setattr(here.port, name, flaky)
        lost = 0
        for _ in range(150):
            try:
                await here.step()
            except RpcError:
                lost += 1
        for name in calls:
            delattr(here.port, name)
        assert lost > 20
        await checked(here, 20)
        plans = {each.plan.plan_id for each in here.decided if each.plan is not None}
        assert here.chain.view(ACCOUNT).account.nonce <= len(plans)

    asyncio.run(go())


def test_tokens_that_somebody_else_moved_are_noticed(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path, move=0.0)
        await here.begin()
        await checked(here, 5)
        here.chain._purses[ACCOUNT].amount0 += 10**9
        await checked(here, 2)
        assert here.agent.core.state.holdings.wallet0 >= 10**9

    asyncio.run(go())


def test_a_damaged_memory_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path)
        await here.begin()
        path = tmp_path / FILE
        text = path.read_bytes()
        for at in range(0, len(text), 97):
            path.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
            with pytest.raises(Corrupt, match="damaged") as refused:
                await here.kill()
            assert "move it away" in str(refused.value.hint)
        path.write_bytes(text[:-5])
        with pytest.raises(Corrupt):
            await here.kill()
        path.write_bytes(text)
        await here.kill()

    asyncio.run(go())


def test_a_memory_of_another_chain_is_refused(tmp_path: Path) -> None:
    async def go() -> None:
        await world(tmp_path).begin()
        other = World(tmp_path, manifest(), made_chain(chain_id=8453))
        with pytest.raises(ConfigError, match="chain 1, not 8453"):
            await other.begin()

    asyncio.run(go())


def test_a_folder_has_one_agent(tmp_path: Path) -> None:
    with (
        MemoryFile(tmp_path).held(),
        pytest.raises(ConfigError, match="another LP agent"),
        MemoryFile(tmp_path).held(),
    ):
        pass


def test_a_write_that_fails_leaves_the_file_as_it_was_and_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        here = world(tmp_path)

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            await here.begin()
        assert list(tmp_path.iterdir()) == []
        assert here.chain.counts["sent"] == here.chain.waiting == 0

    asyncio.run(go())


def test_every_block_is_told_once_with_what_it_holds(tmp_path: Path) -> None:
    async def go() -> None:
        here = world(tmp_path)
        await here.begin()
        mined = [each for _ in range(30) for each in await here.step() if isinstance(each, Mined)]
        assert [each.block for each in here.told[1:]] == [each.block.number for each in mined]
        assert [each.ts_ns for each in here.told[1:]] == [each.block.ts_ns for each in mined]
        assert abs(here.told[0].delta) < 10**16

    asyncio.run(go())
