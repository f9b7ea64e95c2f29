"""The simulated chain: the pool's own arithmetic, blocks, a mempool, and what goes wrong."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import zmq
from lp_chain_world import ACCOUNT, BLOCK_NS, FIRST, SECOND, START_NS, made_chain, manifest
from lp_parity import recording, strategy_of

from alp._core.lp_replay import REEXECUTE, LpReplay
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    HeaderFields,
    InstrumentFields,
    encode,
)
from alp.backtest.flow import band_x96
from alp.bus.sockets import Publisher
from alp.bus.sources import Source
from alp.chain.port import Bundle, Fate, LogKind, Mined, Removed, SendRefused
from alp.chain.port_json import (
    bundle_values,
    event_values,
    outcome_values,
    read_bundle,
    read_event,
    read_outcome,
    read_view,
    view_values,
)
from alp.errors import RpcError
from alp.models.lp_types import Burn, Collect, Mint, Swap
from alp.paper.pool.chain import ChainSettings, SimulatedChain
from alp.paper.pool.file import chain_faults_of
from alp.paper.pool.flow import GeneratedFlow, MadeUp, RecordedFlow
from alp.paper.pool.local import LocalChain
from alp.paper.pool.mids import Mid, follow_quotes
from alp.paper.pool.script import ChainFault, ChainScript
from alp.strategy.document import read_document
from alp.strategy.loading import load_manifest
from alp.strategy.problems import ManifestError

GWEI = 10**9
LATER = 2_000_000_000


def mint_at(chain: SimulatedChain, *, lower: int = -100, upper: int = 100, **changes) -> Mint:
    middle = chain.pool.tick // 10 * 10
    wanted = Mint(middle + lower, middle + upper, 10**9, 10**18, 0, 0, 0)
    return wanted._replace(**changes)


def bundle(*actions, nonce: int = 0, **changes) -> Bundle:
    return Bundle(nonce, actions, LATER, 100 * GWEI, GWEI)._replace(**changes)


def send(chain: SimulatedChain, what: Bundle) -> str:
    made = chain.prepare(ACCOUNT, what)
    chain.send(made.raw)
    return made.tx


def wallet(chain: SimulatedChain) -> tuple[int, int]:
    return chain.view(ACCOUNT).account[2:4]


def test_recorded_events_leave_the_pool_that_a_replay_leaves_bit_for_bit(root: Path) -> None:
    recorded = recording(root, strategy_of(root), 1_000)
    flow = RecordedFlow(
        iter([recorded.rows]), recorded.block - 1, recorded.ts_ns - BLOCK_NS, block_ns=BLOCK_NS
    )
    chain = SimulatedChain(recorded.pool.copy(), flow)
    plain = recorded.pool.copy()
    replay = LpReplay(plain, False, REEXECUTE, 60 * SECOND, recorded.ts_ns, recorded.block)
    room = [np.empty(len(recorded.rows)) for _ in range(3)]
    raw = np.ascontiguousarray(recorded.rows).view(np.uint8).reshape(-1)
    never = (1 << 63) - 1
    replay.advance(raw, 0, never, never, 0, (1 << 160) - 1, *room)
    while not flow.is_over:
        chain.mine()
    for name in (
        "sqrt_price_x96",
        "tick",
        "liquidity",
        "fee_growth_global0_x128",
        "fee_growth_global1_x128",
        "observation_index",
    ):
        assert getattr(chain.pool, name) == getattr(plain, name), name
    assert chain.pool.ticks() == plain.ticks()
    assert chain.pool.bitmap() == plain.bitmap()
    assert chain.head.number == int(recorded.rows["block"][-1])
    assert chain.head.ts_ns == int(recorded.rows["ts_ns"][-1])


def test_blocks_of_the_recording_keep_numbers_and_times_and_the_empty_ones_lie_between(
    root: Path,
) -> None:
    recorded = recording(root, strategy_of(root), 50)
    rows = recorded.rows
    rows["block"] = recorded.block + 1 + 3 * np.arange(50)
    rows["ts_ns"] = recorded.ts_ns + 36 * SECOND * (1 + np.arange(50))
    flow = RecordedFlow(
        iter([rows[:20], rows[20:]]),
        recorded.block - 1,
        recorded.ts_ns - BLOCK_NS,
        block_ns=BLOCK_NS,
    )
    slots = [flow.slot() for _ in range(150)]
    assert [each.number for each in slots] == list(range(recorded.block, recorded.block + 150))
    times = [each.ts_ns for each in slots]
    assert times == sorted(set(times))
    by_number = {each.number: each.ts_ns for each in slots}
    assert all(by_number[int(row["block"])] == int(row["ts_ns"]) for row in rows[:49])


def test_a_made_up_market_stays_within_the_fee_of_the_price_it_is_told() -> None:
    pair = manifest().pair()
    prices = iter([Fraction(2250 + step % 7 * 3) for step in range(60)])
    chain = made_chain()
    chain.flow = GeneratedFlow(
        pair,
        Fraction(2250),
        chain.head.number,
        chain.head.ts_ns,
        block_ns=BLOCK_NS,
        market=MadeUp(trades_per_block=0.0),
        reference=lambda: next(prices),
    )
    for _ in range(50):
        chain.mine()
        low, high = band_x96(pair, chain.flow.price)
        assert low <= chain.pool.sqrt_price_x96 <= high


def test_the_same_seed_gives_the_same_hashes_and_another_gives_others() -> None:
    def told(seed: int) -> list[str]:
        chain = made_chain(seed=seed)
        send(chain, bundle(mint_at(chain)))
        return [each.block.hash for _ in range(30) for each in chain.mine()]

    assert told(3) == told(3)
    assert not set(told(3)) & set(told(4))


def test_logs_have_an_identity_and_say_what_the_pool_became() -> None:
    chain = made_chain()
    tx = send(chain, bundle(mint_at(chain)))
    (mined,) = chain.mine()
    assert isinstance(mined, Mined)
    assert len({each.identity for each in mined.logs}) == len(mined.logs)
    assert (mined.logs[0].kind, mined.logs[0].tx) == (LogKind.MINT, tx)
    swaps = [each for each in mined.logs if each.kind is LogKind.SWAP]
    assert swaps[-1].sqrt_price_x96 == chain.pool.sqrt_price_x96
    assert all(not each.tx for each in swaps)


def test_what_is_minted_comes_back_with_its_fees_and_gas_is_paid() -> None:
    chain = made_chain()
    before, gas = wallet(chain), chain.view(ACCOUNT).account.native_wei
    tx = send(chain, bundle(mint_at(chain)))
    chain.mine()
    outcome = chain.outcome(tx)
    assert outcome.fate is Fate.EXECUTED
    assert outcome.gas_wei == (400_000 + 21_000) * 21 * GWEI
    (held,) = chain.view(ACCOUNT).account.positions
    for _ in range(40):
        chain.mine()
    (held,) = chain.view(ACCOUNT).account.positions
    assert held.fees0 + held.fees1 > 0
    ticks = held.tick_lower, held.tick_upper
    tx = send(chain, bundle(Burn(*ticks, held.liquidity, 0, 0), Collect(*ticks), nonce=1))
    chain.mine()
    view = chain.view(ACCOUNT)
    assert chain.outcome(tx).fate is Fate.EXECUTED
    assert view.account.positions == ()
    assert view.account.nonce == 2
    assert gas - view.account.native_wei == (421_000 + 225_000 + 21_000) * 21 * GWEI
    value = [
        sum(a * b for a, b in zip(each, (2250, 10**12), strict=True))
        for each in (before[::-1], wallet(chain)[::-1])
    ]
    assert abs(value[1] / value[0] - 1) < 0.01


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount0_min": 10**30}, "Price slippage check"),
        ({"amount0_desired": 10**20, "amount1_desired": 10**30}, "STF"),
        ({"amount0_desired": 0, "amount1_desired": 0}, ""),
        ({"lower": -101}, ""),
    ],
)
def test_a_mint_reverts_as_on_chain_and_nothing_but_gas_is_gone(change, reason) -> None:
    chain = made_chain()
    before = wallet(chain)
    tx = send(chain, bundle(mint_at(chain), mint_at(chain, **change)))
    chain.mine()
    outcome = chain.outcome(tx)
    assert (outcome.fate, outcome.reason) == (Fate.REVERTED, reason)
    assert outcome.gas_wei > 0
    assert wallet(chain) == before
    assert chain.view(ACCOUNT).account.positions == ()
    assert chain.pool.positions()[0].owner == 1
    assert len([each for each in chain.pool.positions() if each.liquidity]) == 1


def test_other_reverts_have_the_contracts_words() -> None:
    chain = made_chain()
    limit = get_sqrt_ratio_at_tick(chain.pool.tick - 1_000)
    cases = {
        "Too little received": bundle(Swap(True, 10**6, 10**30, limit)),
        "Transaction too old": bundle(mint_at(chain), deadline_s=START_NS // SECOND),
        "Invalid token ID": bundle(Burn(0, 10, 1, 0, 0)),
    }
    for nonce, (reason, what) in enumerate(cases.items()):
        tx = send(chain, what._replace(nonce=nonce))
        chain.mine()
        assert chain.outcome(tx).reason == reason


def test_a_nonce_has_one_effect_and_the_node_says_why_it_takes_no_other() -> None:
    chain = made_chain()
    first = bundle(mint_at(chain))
    tx = send(chain, first)
    assert send(chain, first) == tx
    assert chain.waiting == 1
    with pytest.raises(SendRefused, match="underpriced"):
        send(chain, first._replace(max_fee_wei=101 * GWEI))
    other = send(chain, first._replace(max_fee_wei=113 * GWEI, priority_fee_wei=2 * GWEI))
    assert chain.waiting == 1
    assert chain.view(ACCOUNT).account.pending_nonce == 1
    chain.mine()
    assert (chain.outcome(tx).fate, chain.outcome(other).fate) == (Fate.ABSENT, Fate.EXECUTED)
    with pytest.raises(SendRefused, match="nonce too low"):
        send(chain, first)
    with pytest.raises(SendRefused, match="insufficient funds"):
        send(chain, first._replace(nonce=1, max_fee_wei=10**20))
    with pytest.raises(SendRefused, match="not a transaction"):
        chain.send("{}")
    assert len(chain.view(ACCOUNT).account.positions) == 1


def test_a_gap_of_nonces_and_a_fee_below_the_base_fee_wait() -> None:
    chain = made_chain()
    second = send(chain, bundle(mint_at(chain), nonce=1))
    cheap = send(chain, bundle(mint_at(chain), max_fee_wei=GWEI))
    chain.mine()
    assert {chain.outcome(each).fate for each in (second, cheap)} == {Fate.PENDING}
    send(chain, bundle(mint_at(chain), max_fee_wei=50 * GWEI, priority_fee_wei=2 * GWEI))
    chain.mine()
    assert chain.outcome(second).fate is Fate.EXECUTED


def test_a_reorganisation_takes_back_what_happened_and_tells_it() -> None:
    chain = made_chain(script=ChainScript().at(6, ChainFault.REORG, depth=4, hold=2))
    before = wallet(chain)
    tx = send(chain, bundle(mint_at(chain)))
    blocks = [chain.head]
    for _ in range(5):
        (mined,) = chain.mine()
        blocks.append(mined.block)
    price = chain.pool.sqrt_price_x96
    was = chain.outcome(tx)
    events = chain.mine()
    removed = [each.block for each in events if isinstance(each, Removed)]
    added = [each.block for each in events if isinstance(each, Mined)]
    assert removed == blocks[:1:-1][:4]
    assert [each.number for each in added] == list(range(FIRST + 2, FIRST + 7))
    assert added[0].parent == blocks[1].hash
    assert all(one.parent == other.hash for one, other in zip(added[1:], added, strict=False))
    assert not {each.hash for each in added} & {each.hash for each in removed}
    # Ours was in the first block, which stays.
    assert chain.outcome(tx) == was
    # Others do again what they did.
    assert chain.view(ACCOUNT, added[3].hash).pool.sqrt_price_x96 == price
    with pytest.raises(RpcError, match="not in the chain"):
        chain.view(ACCOUNT, removed[0].hash)
    chain.script.at(7, ChainFault.REORG, depth=7, hold=2)
    chain.mine()
    assert chain.outcome(tx).fate is Fate.PENDING
    assert wallet(chain) == before
    chain.mine()
    assert chain.outcome(tx).fate is Fate.EXECUTED
    assert [each.block.number for each in chain.recent(100)] == list(range(FIRST, FIRST + 9))


def test_a_stall_loses_no_trades_and_a_spike_passes() -> None:
    script = ChainScript().at(3, ChainFault.STALL, blocks=4).at(9, ChainFault.SPIKE, blocks=2)
    chain, calm = made_chain(script=script), made_chain()
    mined = [chain.mine() for _ in range(20)]
    assert [len(each) for each in mined] == [1, 1, 0, 0, 0, 0] + [1] * 14
    for _ in range(20):
        calm.mine()
    assert chain.pool.sqrt_price_x96 == calm.pool.sqrt_price_x96
    assert chain.head.ts_ns == calm.head.ts_ns
    assert chain.head.number == calm.head.number - 4
    fees = [each.block.base_fee_wei // GWEI for each in chain.recent(100)]
    assert sorted(set(fees)) == [20, 1000]
    assert fees.count(1000) == 2


def test_everything_survives_being_written_as_json() -> None:
    import json

    def round_trip(values):
        return json.loads(json.dumps(values))

    chain = made_chain()
    what = bundle(mint_at(chain), Burn(1, 2, 3, 4, 5), Collect(1, 2), Swap(True, 2**200, 1, 2**150))
    assert read_bundle(round_trip(bundle_values(what))) == what
    tx = send(chain, bundle(mint_at(chain)))
    (mined,) = chain.mine()
    for event in (mined, Removed(mined.block)):
        assert read_event(round_trip(event_values(event))) == event
    view = chain.view(ACCOUNT)
    assert read_view(round_trip(view_values(view))) == view
    for outcome in (chain.outcome(tx), chain.outcome("0x")):
        assert read_outcome(round_trip(outcome_values(outcome))) == outcome


def test_a_follower_in_the_same_process_hears_every_event() -> None:
    async def follow() -> None:
        chain = LocalChain(made_chain(), ACCOUNT)
        events = chain.events()
        first = await anext(events)
        assert first.block == chain.chain.head
        sent = [each for _ in range(5) for each in chain.mine()]
        assert [await anext(events) for _ in sent] == sent
        await events.aclose()

    asyncio.run(follow())


def test_the_settings_that_count_are_the_manifests() -> None:
    from alp.paper.pool.served import Wanted, make_chain

    strategy = manifest()
    chain = make_chain(strategy, Wanted(Path("/x"), made_up=True, price=Decimal(2250)))
    assert chain.settings == ChainSettings(1, 1, 20 * GWEI, strategy.spec.backtest.gas.units, 1)
    pair = strategy.pair()
    account = chain.view(strategy.name).account
    assert pair.join(account.amount0, account.amount1) == (10 * 10**18, 22_500 * 10**6)


FAULTS = """\
transactions:
  - {fault: lose-answer}
  - {fault: reorg, depth: 2, blocks: 2, hold: 3, after: 1, times: 4}
blocks:
  - {block: 40, fault: reorg, depth: 3, drop: true}
  - {block: 60, fault: spike, factor: 50, blocks: 20}
"""


def test_a_script_of_faults_is_read_whole() -> None:
    script = chain_faults_of(read_document(FAULTS.encode(), "faults.yaml"))
    assert [each.fault for each in script.acts] == [
        ChainFault.LOSE_ANSWER,
        ChainFault.REORG,
        ChainFault.REORG,
        ChainFault.SPIKE,
    ]
    assert (script.acts[1].hold, script.acts[1].times, script.acts[2].drop) == (3, 4, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("transactions: [{fault: dorp}]", "did you mean drop"),
        ("blocks: [{fault: stall}]", "block: is required"),
        ("blocks: [{block: 1, fault: delay}]", "not a fault of blocks"),
        ("transactions: [{fault: drop, depth: 1}]", "nothing that drop has"),
        ("blocks: [{block: -1, fault: stall}]", "not a whole number"),
        ("block: []", "is not a field"),
        ("blocks: 3", "must be a list"),
    ],
)
def test_each_fault_of_a_script_is_named(text: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        chain_faults_of(read_document(text.encode(), "faults.yaml"))


def test_the_documented_script_can_be_read(root: Path) -> None:
    import re

    page = (root / "docs" / "lp-agent.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    script = chain_faults_of(read_document(text.encode(), "page"))
    assert {each.fault for each in script.acts} == set(ChainFault)


def test_a_mid_is_known_while_the_book_is_live() -> None:
    def header(source: int = Source.QUOTES, instrument: int = 0) -> HeaderFields:
        return HeaderFields(source, instrument, 0, 0, 0)

    mid = Mid()
    mid.heard(BboMessage(header(), 224_999, 1, 225_002, 1))
    assert mid.price is None
    mid.heard(InstrumentFields(header(), "x", "ETHUSDC", 1, 1, 2, 4, 1))
    assert mid.price == Fraction("2250.005")
    mid.heard(BboMessage(header(instrument=1), 1, 1, 3, 1))
    mid.heard(BboMessage(header(source=Source.POSITIONS), 1, 1, 3, 1))
    assert mid.price == Fraction("2250.005")
    mid.heard(BookStatusMessage(header(), False, 1, 0))
    assert mid.price is None
    mid.heard(BboMessage(header(), 224_999, 1, 0, 0))
    assert mid.price is None


def test_a_made_up_market_follows_a_quote_server(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/quotes.ipc"
    ends = endpoint, endpoint.replace(".ipc", ".recall.ipc")
    heard: list[Fraction | None] = []

    async def go() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with Publisher(context, *ends, Source.QUOTES) as publisher:
            head = HeaderFields(Source.QUOTES, 0, 0, 0, 0)
            publisher.publish(encode(InstrumentFields(head, "x", "ETHUSDC", 1, 1, 2, 4, 1)))
            following = asyncio.create_task(follow_quotes(ends, heard.append))
            for price in (225_000, 226_000):
                while Fraction(price, 100) not in heard:
                    publisher.publish(encode(BboMessage(head, price - 1, 1, price + 1, 1)))
                    publisher.answer()
                    await asyncio.sleep(0.01)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        context.term()

    asyncio.run(asyncio.wait_for(go(), 20))


def test_the_examples_recording_makes_a_chain_with_its_pool_and_wallet(root: Path) -> None:
    from alp.paper.pool.served import Wanted, make_chain

    strategy = load_manifest(root / "examples" / "eth-usdc.yaml")
    chain = make_chain(strategy, Wanted(Path("/x")))
    for _ in range(20):
        chain.mine()
    swaps = [log for each in chain.recent(30) for log in each.logs if log.kind is LogKind.SWAP]
    assert len(swaps) > 10
    view = chain.view(strategy.name)
    assert view.block.base_fee_wei == 15 * GWEI
    price = strategy.pair().sqrt_x96_to_price(view.pool.sqrt_price_x96)
    assert 2_000 < price < 2_500
    assert view.account.amount1 == 10 * 10**18
