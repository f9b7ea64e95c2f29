"""A simulated chain: one pool, accounts, a mempool, and blocks that can be taken back.

It stands still between two calls of :meth:`SimulatedChain.mine`, reads no clock, and the same
settings, flow, script and transactions give the same hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from alp._core.errors import Revert
from alp._core.pool import Pool
from alp.backtest.lp_leg import GasTable
from alp.chain.port import (
    AccountNow,
    Block,
    Bundle,
    ChainEvent,
    ChainView,
    Fate,
    Log,
    Mined,
    Outcome,
    PoolNow,
    Prepared,
    Removed,
    SendRefused,
)
from alp.chain.port_json import read_bundle
from alp.chain.remote import unsigned
from alp.chain.uniswap_v3 import PositionManager
from alp.errors import DataError, RpcError
from alp.models.lp_types import Burn, Mint, Swap
from alp.paper.pool.contracts import Contracts, Purse
from alp.paper.pool.flow import Done, Flow, Slot, do
from alp.paper.pool.script import ChainAct, ChainFault, ChainScript
from alp.strategy.simulation import GasUnits

SECOND = 10**9
GWEI = 10**9
KEPT_STATES = 64
"""Blocks that can be asked about, and taken back."""
KEPT_BLOCKS = 7_200
"""Blocks whose logs and receipts can be asked for: a day."""
REPLACEMENT_BPS = 11_000
"""Both fees of a transaction that replaces another must be so much of the other's."""


@dataclass(frozen=True)
class ChainSettings:
    """How the chain is.

    Attributes
    ----------
    latency_blocks
        A transaction sent at a head is included so many blocks later.
    seed
        Goes into the blocks' hashes.
    """

    chain_id: int = 1
    latency_blocks: int = 1
    base_fee_wei: int = 20 * GWEI
    gas: GasTable = field(default_factory=GasUnits)
    seed: int = 1


@dataclass
class _Waiting:
    """A transaction in the mempool."""

    prepared: Prepared
    account: str
    bundle: Bundle
    due: int
    bury: bool = False
    revert: str = ""
    reorg: ChainAct | None = None


@dataclass(frozen=True)
class _State:
    """Everything right after a block."""

    pool: Pool
    manager: PositionManager
    purses: dict[str, Purse]


@dataclass(frozen=True)
class _Past:
    """A block that can be taken back."""

    mined: Mined
    slot: Slot
    state: _State
    ours: tuple[_Waiting, ...] = ()


class SimulatedChain:
    """The chain.

    Parameters
    ----------
    pool
        As it is before the first slot of `flow`, which becomes the first block.
    """

    def __init__(
        self,
        pool: Pool,
        flow: Flow,
        settings: ChainSettings | None = None,
        script: ChainScript | None = None,
    ) -> None:
        self.settings = settings or ChainSettings()
        self.script = script or ChainScript()
        self.flow = flow
        self._contracts = Contracts(pool)
        self._purses: dict[str, Purse] = {}
        self._mempool: list[_Waiting] = []
        self._past: deque[_Past] = deque(maxlen=KEPT_STATES)
        self._blocks: deque[Mined] = deque(maxlen=KEPT_BLOCKS)
        self._receipts: dict[str, Outcome] = {}
        self._reorgs: list[tuple[int, ChainAct]] = []
        self._spike: tuple[int, int] = (0, 1)
        self._stalled = 0
        self._missed: list[Slot] = []
        self._forks = 0
        self._skipped = 0
        self.disconnects = 0
        self.counts: dict[str, int] = dict.fromkeys(
            ("sent", "executed", "reverted", "refused", "reorganisations", "removed"), 0
        )
        slot = flow.slot()
        self._first = slot.number
        self._add(slot)

    @property
    def pool(self) -> Pool:
        """The pool; to be looked at."""
        return self._contracts.pool

    @property
    def head(self) -> Block:
        """The last block."""
        return self._past[-1].mined.block

    @property
    def waiting(self) -> int:
        """Transactions in the mempool."""
        return len(self._mempool)

    def fund(self, account: str, amount0: int, amount1: int, native_wei: int) -> None:
        """Give an account what it begins with; before anything of it is sent."""
        owner = int.from_bytes(hashlib.sha256(account.encode()).digest()[:20], "big")
        self._purses[account] = Purse(owner, amount0, amount1, native_wei)
        # It had this all along.
        last = self._past.pop()
        self._past.append(replace(last, state=self._state()))

    def mine(self) -> list[ChainEvent]:
        """Let a slot pass; return what happened to the chain."""
        slot = self.flow.slot()
        slot = slot._replace(number=slot.number - self._skipped)
        self._missed.append(slot)
        for act in self.script.of_block(slot.number - self._first):
            self._happen(act, slot.number)
        if self._stalled:
            self._stalled -= 1
            self._skipped += 1
            return []
        events: list[ChainEvent] = []
        for due, act in [each for each in self._reorgs if each[0] <= self.head.number]:
            self._reorgs.remove((due, act))
            events += self._reorganise(act)
        deeds = tuple(deed for each in self._missed for deed in each.deeds)
        self._missed.clear()
        events.append(self._add(slot._replace(deeds=deeds)))
        return events

    def _happen(self, act: ChainAct, number: int) -> None:
        if act.fault is ChainFault.REORG:
            self._reorgs.append((self.head.number, act))
        elif act.fault is ChainFault.SPIKE:
            self._spike = number + act.blocks, act.factor
        elif act.fault is ChainFault.STALL:
            self._stalled = act.blocks
        elif act.fault is ChainFault.DISCONNECT:
            self.disconnects += 1

    def base_fee_wei(self, number: int) -> int:
        """Return the base fee of a block to come."""
        until, factor = self._spike
        return self.settings.base_fee_wei * (factor if number < until else 1)

    def _add(self, slot: Slot) -> Mined:
        """Put a block on top."""
        parent = self._past[-1].mined.block.hash if self._past else "0x" + "0" * 64
        text = f"{self.settings.seed} {parent} {slot.number} {slot.ts_ns} {self._forks}"
        block_hash = "0x" + hashlib.sha256(text.encode()).hexdigest()
        fee = self.base_fee_wei(slot.number)
        block = Block(slot.number, block_hash, parent, slot.ts_ns, fee)
        logs: list[Log] = []
        ours = self._include(block, logs, buried=False)
        for deed in slot.deeds:
            done = do(self.pool, deed, slot.ts_ns)
            if done is not None:
                self._log(logs, block, "", [done])
        ours += self._include(block, logs, buried=True)
        mined = Mined(block, tuple(logs))
        self._past.append(_Past(mined, slot, self._state(), tuple(ours)))
        if len(self._blocks) == self._blocks.maxlen:
            self._forget(self._blocks[0].block)
        self._blocks.append(mined)
        return mined

    def _forget(self, block: Block) -> None:
        for tx in [each for each, said in self._receipts.items() if said.block == block]:
            del self._receipts[tx]

    def _log(self, logs: list[Log], block: Block, tx: str, done: Iterable[Done]) -> None:
        pool = self.pool
        for each in done:
            after = (pool.sqrt_price_x96, pool.tick, pool.liquidity)
            identity = (self.settings.chain_id, block.hash, len(logs))
            logs.append(Log(*identity, tx, each.kind, *each[1:], *after))

    def _include(self, block: Block, logs: list[Log], *, buried: bool) -> list[_Waiting]:
        """Carry out what waits and is due, in the order of nonces."""
        included = []
        while (ready := self._next_ready(block, buried)) is not None:
            self._mempool.remove(ready)
            self._carry_out(ready, block, logs)
            included.append(ready)
        return included

    def _next_ready(self, block: Block, buried: bool) -> _Waiting | None:
        for each in self._mempool:
            if (
                each.due <= block.number
                and each.bury == buried
                and each.bundle.max_fee_wei >= block.base_fee_wei
                and each.bundle.nonce == self._purses[each.account].nonce
            ):
                return each
        return None

    def _carry_out(self, ready: _Waiting, block: Block, logs: list[Log]) -> None:
        purse, bundle = self._purses[ready.account], ready.bundle
        tip = min(bundle.priority_fee_wei, bundle.max_fee_wei - block.base_fee_wei)
        cost = self._gas(bundle) * (block.base_fee_wei + tip)
        purse.native_wei -= cost
        purse.nonce += 1
        fate, reason = Fate.EXECUTED, ""
        try:
            if ready.revert:
                raise Revert(ready.revert)
            done = self._contracts.execute(purse, bundle, block.ts_ns // SECOND)
            self._log(logs, block, ready.prepared.tx, done)
        except Revert as error:
            fate, reason = Fate.REVERTED, error.reason
        self.counts[fate.value] += 1
        price = self.pool.sqrt_price_x96
        self._receipts[ready.prepared.tx] = Outcome(fate, block, reason, cost, price)
        if ready.reorg is not None:
            self._reorgs.append((block.number + ready.reorg.blocks - 1, ready.reorg))
            ready.reorg = None

    def _gas(self, bundle: Bundle) -> int:
        gas = self.settings.gas
        units = {Mint: gas.mint, Burn: gas.exit, Swap: gas.swap}
        return gas.overhead + sum(units.get(type(each), 0) for each in bundle.actions)

    def _state(self) -> _State:
        purses = {name: replace(each) for name, each in self._purses.items()}
        return _State(self.pool.copy(), self._contracts.manager.saved(), purses)

    def _reorganise(self, act: ChainAct) -> list[ChainEvent]:
        """Replace the last blocks by others in which others do the same."""
        depth = min(act.depth, len(self._past) - 1)
        removed = [self._past.pop() for _ in range(depth)]
        events: list[ChainEvent] = [Removed(each.mined.block) for each in removed]
        self.counts["reorganisations"] += 1
        self.counts["removed"] += depth
        state = self._past[-1].state
        self.pool.restore(state.pool)
        self._contracts.manager.restore(state.manager)
        self._purses = {name: replace(each) for name, each in state.purses.items()}
        again = []
        for past in reversed(removed):
            self._blocks.pop()
            for each in past.ours:
                del self._receipts[each.prepared.tx]
                if not act.drop:
                    # One that was sent in its place meanwhile keeps the place.
                    again.append(replace(each, due=removed[0].slot.number + act.hold))
        taken = {(each.account, each.bundle.nonce) for each in self._mempool}
        again = [each for each in again if (each.account, each.bundle.nonce) not in taken]
        self._mempool = again + self._mempool
        self._forks += 1
        events += [self._add(past.slot) for past in reversed(removed)]
        return events

    # what an account asks

    def prepare(self, account: str, bundle: Bundle) -> Prepared:
        """Write a transaction down."""
        return unsigned(account, bundle)

    def send(self, raw: str) -> ChainFault | None:
        """Take a transaction into the mempool; return what happens to whoever sent it.

        Raises
        ------
        SendRefused
            In a node's words: ``nonce too low``, ``insufficient funds for gas``,
            ``replacement transaction underpriced``, or for what is none.
        """
        waiting = self._read(raw)
        tx = waiting.prepared.tx
        if tx in self._receipts or any(each.prepared.tx == tx for each in self._mempool):
            return None
        acts = {each.fault: each for each in self.script.of_transaction()}
        if ChainFault.LOSE_REQUEST in acts:
            return ChainFault.LOSE_REQUEST
        try:
            self._admit(waiting)
        except SendRefused:
            self.counts["refused"] += 1
            raise
        self.counts["sent"] += 1
        if (delay := acts.get(ChainFault.DELAY)) is not None:
            waiting.due += delay.blocks
        waiting.bury = ChainFault.BURY in acts
        if (revert := acts.get(ChainFault.REVERT)) is not None:
            waiting.revert = revert.reason
        waiting.reorg = acts.get(ChainFault.REORG)
        if ChainFault.DROP not in acts:
            self._mempool.append(waiting)
        return ChainFault.LOSE_ANSWER if ChainFault.LOSE_ANSWER in acts else None

    def _read(self, raw: str) -> _Waiting:
        try:
            values = json.loads(raw)
            account, bundle = values["account"], read_bundle(values["bundle"])
        except (ValueError, KeyError, TypeError, DataError) as error:
            raise SendRefused(f"not a transaction: {error}") from error
        if account not in self._purses:
            raise SendRefused("insufficient funds for gas * price + value")
        due = self.head.number + self.settings.latency_blocks
        return _Waiting(self.prepare(account, bundle), account, bundle, due)

    def _admit(self, waiting: _Waiting) -> None:
        purse, bundle = self._purses[waiting.account], waiting.bundle
        if bundle.nonce < purse.nonce:
            raise SendRefused(f"nonce too low: next nonce {purse.nonce}, tx nonce {bundle.nonce}")
        if bundle.max_fee_wei < bundle.priority_fee_wei:
            raise SendRefused("max priority fee per gas higher than max fee per gas")
        if self._gas(bundle) * bundle.max_fee_wei > purse.native_wei:
            raise SendRefused("insufficient funds for gas * price + value")
        for other in self._mempool:
            if other.account == waiting.account and other.bundle.nonce == bundle.nonce:
                old = other.bundle
                if (
                    bundle.max_fee_wei * 10_000 < old.max_fee_wei * REPLACEMENT_BPS
                    or bundle.priority_fee_wei * 10_000 < old.priority_fee_wei * REPLACEMENT_BPS
                ):
                    raise SendRefused("replacement transaction underpriced")
                self._mempool.remove(other)
                return

    def outcome(self, tx: str) -> Outcome:
        """Return what became of a transaction."""
        found = self._receipts.get(tx)
        if found is not None:
            return found
        if any(each.prepared.tx == tx for each in self._mempool):
            return Outcome(Fate.PENDING)
        return Outcome(Fate.ABSENT)

    def recent(self, blocks: int) -> list[Mined]:
        """Return at most so many of the last blocks."""
        return list(self._blocks)[-blocks:] if blocks > 0 else []

    def view(self, account: str, block_hash: str | None = None) -> ChainView:
        """Return everything at a block.

        Raises
        ------
        RpcError
            If the chain has no such block, or has forgotten it.
        """
        for past in reversed(self._past):
            if block_hash in (None, past.mined.block.hash):
                return self._view(account, past)
        raise RpcError(f"block {block_hash}: not in the chain")

    def _view(self, account: str, past: _Past) -> ChainView:
        state = past.state
        pool = state.pool
        contracts = Contracts(pool)
        contracts.manager.restore(state.manager)
        purse = state.purses.get(account) or Purse(0)
        pending = purse.nonce
        known = {each.bundle.nonce for each in self._mempool if each.account == account}
        while pending in known:
            pending += 1
        return ChainView(
            past.mined.block,
            PoolNow(
                pool.sqrt_price_x96,
                pool.tick,
                pool.liquidity,
                pool.fee_growth_global0_x128,
                pool.fee_growth_global1_x128,
            ),
            AccountNow(
                purse.nonce,
                pending,
                purse.amount0,
                purse.amount1,
                purse.native_wei,
                contracts.holdings(purse.owner),
            ),
        )
