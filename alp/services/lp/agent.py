"""The LP agent: the pure core on a chain, one plan at a time, each followed to its proven end.

After every block the agent asks the chain for everything it acts on, so that a block that was
missed, told twice or taken back makes no difference. What it publishes is what the chain says at
its head; what it tells the core is what the chain said in the block that is believed.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from alp.backtest.gas import NativePrice
from alp.chain.port import (
    Bundle,
    Chain,
    ChainEvent,
    ChainView,
    Mined,
    Prepared,
    Removed,
    SendRefused,
)
from alp.errors import ConfigError, Corrupt, RpcError
from alp.models.inventory import target_base
from alp.models.lp_core import LpCore
from alp.models.lp_types import ExecutionReport, Hold, Observation, Plan, PositionView, Refusal
from alp.models.triggers import Holdings
from alp.services.lp.memory import Memory, MemoryFile
from alp.services.lp.saga import Attempt, Do, Inclusion, Saga, SagaRules
from alp.services.lp.watch import WARM_UP_BLOCKS, PoolWatch
from alp.strategy.manifest import Strategy
from alp.strategy.parameters import lp_parameters

logger = logging.getLogger(__name__)

SECOND = 10**9
DEADLINE_S = 600
"""A transaction that is included later than this after its plan reverts."""
FINAL_BLOCKS = 64
"""An inclusion so deep is not looked at again: two epochs of mainnet."""
RAISE_EIGHTHS = 9
"""A transaction in place of another pays nine eighths of its fees: nodes want a tenth more."""
MOST_FEE_FACTOR = 20
"""Fees are not raised beyond so many times those of the plan's first transaction."""


class Inventory(NamedTuple):
    """What the account holds at a block, raw: wallet, positions and uncollected fees.

    Parameters
    ----------
    delta
        Base held less the target.
    epoch
        Of the ranges: rises whenever they are others.
    """

    block: int
    ts_ns: int
    base: int
    quote: int
    delta: int
    epoch: int


class Decided(NamedTuple):
    """One decision, and the block at which it was made."""

    ts_ns: int
    block: int
    plan: Plan | None
    refusal: Refusal | None


class LpAgent:
    """Decides, sends, and follows.

    Parameters
    ----------
    may_act
        Whether a new plan may begin; one under way is followed in any case.
    tell
        Is told the inventory after every block.
    decided
        Is told every decision.
    cefi_inventory
        Returns the base held on exchanges, raw and signed.
    clock_ns
        To know how old a block is when it is acted on.
    """

    def __init__(
        self,
        strategy: Strategy,
        chain: Chain,
        file: MemoryFile,
        *,
        rules: SagaRules | None = None,
        may_act: Callable[[], bool] = lambda: True,
        tell: Callable[[Inventory], None] = lambda _: None,
        decided: Callable[[Decided], None] = lambda _: None,
        cefi_inventory: Callable[[], int] = lambda: 0,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._strategy = strategy
        self._spec = strategy.spec
        self.pair = strategy.pair()
        self._chain = chain
        self._file = file
        self._rules = rules or SagaRules()
        self._may_act = may_act
        self._tell = tell
        self._decided = decided
        self._cefi_inventory = cefi_inventory
        self._clock_ns = clock_ns
        price = self._spec.backtest.gas.native_price_quote
        self._native = NativePrice(
            self._spec.pool.base_is_native and price is None,
            None if price is None else self.pair.to_raw_quote(price),
        )
        self.view: ChainView | None = None
        self.heard_ns: int | None = None
        self.inventory: Inventory | None = None
        self.counts: Counter[str] = Counter()
        self.gas_wei = 0
        self.memory: Memory
        self.core: LpCore

    @property
    def saga(self) -> Saga:
        """The plan under way."""
        return self.memory.saga

    async def begin(self) -> None:
        """Read the chain and the memory, and go on where they stand.

        Raises
        ------
        RpcError
            If the chain cannot be read.
        Corrupt
            If the memory is damaged.
        ConfigError
            If the memory is of another chain.
        """
        view = await self._chain.view()
        memory = self._file.read()
        if memory is None:
            logger.info("no memory: starting from what the chain says")
            memory = Memory(self._chain.chain_id, view.pool.sqrt_price_x96)
            memory.epoch = view.block.number
        elif memory.chain_id != self._chain.chain_id:
            raise ConfigError(
                f"{self._file.path}: is about chain {memory.chain_id}, not {self._chain.chain_id}"
            )
        self.memory = memory
        price = self.pair.sqrt_x96_to_price(memory.first_sqrt_price_x96)
        self._parameters = lp_parameters(self._spec, self.pair, price)
        self.core = LpCore(self._parameters, memory.core)
        under_way = None if memory.saga.is_idle else memory.saga.plan_id
        if memory.core.pending_plan != under_way:
            raise Corrupt(
                f"{self._file.path}: the core waits for plan {memory.core.pending_plan}, and plan "
                f"{under_way} is under way"
            )
        self.watch = PoolWatch(self._spec, self.pair, view)
        await self.catch_up()
        if not memory.saga.is_idle:
            logger.info("plan %d is under way: %s", memory.saga.plan_id, memory.saga.stage.value)
        await self.look()

    async def heard(self, event: ChainEvent) -> None:
        """Take in what happened to the chain, without acting on it yet."""
        if isinstance(event, Mined):
            self.counts["blocks"] += 1
            self.watch.remember(event)
        elif isinstance(event, Removed):
            self.counts["removed"] += 1

    async def catch_up(self) -> None:
        """Take in the blocks that were mined while the chain was not heard.

        Raises
        ------
        RpcError
            If the chain does not answer.
        """
        for mined in await self._chain.recent(WARM_UP_BLOCKS):
            self.watch.remember(mined)

    async def look(self) -> None:
        """Read the chain, publish what is held, follow the plan, and decide if it is time.

        Raises
        ------
        RpcError
            If the chain does not answer; nothing was lost, look again.
        OSError
            If the memory cannot be written: nothing was sent.
        """
        view = await self._chain.view()
        self.heard_ns = self._clock_ns()
        self.view = view
        self.watch.see(view)
        self._publish(view)
        await self._look_back(view)
        await self._follow(view)
        if self.saga.is_idle and self._may_act() and self._is_due(view):
            await self._decide(view)
        self._remember()

    # publishing

    def _publish(self, view: ChainView) -> None:
        ranges = tuple(
            sorted((p.tick_lower, p.tick_upper, p.liquidity) for p in view.account.positions)
        )
        if ranges != self.memory.ranges:
            self.memory.ranges = ranges
            self.memory.epoch = max(self.memory.epoch + 1, view.block.number)
        self.inventory = self.inventory_at(view)
        self._tell(self.inventory)

    def inventory_at(self, view: ChainView) -> Inventory:
        """Return what is held at a view."""
        account, price = view.account, view.pool.sqrt_price_x96
        amount0, amount1 = _holdings(view).amounts(price)
        for each in account.positions:
            amount0, amount1 = amount0 + each.fees0, amount1 + each.fees1
        base, quote = self.pair.join(amount0, amount1)
        share = self._spec.inventory.target_base_share_bps
        target = target_base(base, quote, self.pair.mark_x96(price), share)
        block = view.block
        return Inventory(block.number, block.ts_ns, base, quote, base - target, self.memory.epoch)

    # the plan under way

    async def _look_back(self, view: ChainView) -> None:
        """Take the last plan back if its block is no more."""
        ended = self.memory.ended
        if ended is None:
            return
        assert ended.inclusion is not None
        if view.block.number - ended.inclusion.number > FINAL_BLOCKS:
            self.memory.ended = self.memory.core_before = None
            return
        if not ended.inclusion.tx:
            return
        said = await self._chain.outcome(ended.inclusion.tx)
        if said.block is not None and said.block.hash == ended.inclusion.block_hash:
            return
        self.counts["undone"] += 1
        logger.warning("plan %d: its block %d is no more", ended.plan_id, ended.inclusion.number)
        if self.saga.is_idle:
            assert self.memory.core_before is not None
            self.saga.reopen(ended)
            self.memory.bundle = None
            self.core = LpCore(self._parameters, self.memory.core_before)
            self.memory.ended = self.memory.core_before = None
            self._remember()
        elif said.block is not None:
            # A newer plan is under way, and what is reported of it will have both in it.
            moved = ended.inclusion._replace(number=said.block.number, block_hash=said.block.hash)
            self.memory.ended = replace(ended, inclusion=moved)
        else:
            await self._send(ended.newest, ended.nonce)

    async def _follow(self, view: ChainView) -> None:
        saga = self.saga
        if saga.is_idle:
            return
        outcomes = {each.tx: await self._chain.outcome(each.tx) for each in saga.attempts}
        saga.saw(outcomes, view.block, view.account.nonce)
        todo = saga.to_do(view.block, self._rules)
        if todo is Do.SEND:
            await self._send_newest()
        elif todo is Do.RAISE:
            await self._raise(view)
        elif todo is Do.END:
            await self._end(view)

    async def _send_newest(self) -> None:
        newest = self.saga.newest
        taken = await self._send(newest, self.saga.nonce)
        self.saga.sent(taken=taken)

    async def _send(self, attempt: Attempt, nonce: int) -> bool:
        """Send a transaction; whatever the answer, what came of it is asked for later."""
        self.counts["sends"] += 1
        try:
            await self._chain.send(Prepared(attempt.tx, nonce, attempt.raw))
        except SendRefused as error:
            self.counts["refused sends"] += 1
            logger.warning("the node refused %s: %s", attempt.tx, error)
            return False
        except RpcError as error:
            self.counts["unanswered sends"] += 1
            logger.warning("no word on %s: %s", attempt.tx, error)
            return False
        return True

    async def _raise(self, view: ChainView) -> None:
        """Send the plan once more, with higher fees: what waits is too cheap."""
        saga, bundle = self.saga, self.memory.bundle
        if bundle is None:
            return  # it had been included once, at these fees
        newest, first = saga.newest, saga.attempts[0]
        tip = -(-newest.priority_fee_wei * RAISE_EIGHTHS // 8) or 1
        fee = max(-(-newest.max_fee_wei * RAISE_EIGHTHS // 8), 2 * view.block.base_fee_wei + tip)
        is_over = view.block.ts_ns // SECOND > bundle.deadline_s
        if fee > MOST_FEE_FACTOR * first.max_fee_wei or is_over:
            return
        bundle = bundle._replace(max_fee_wei=fee, priority_fee_wei=tip)
        saga.add(self._attempt(bundle, view))
        self.counts["raised"] += 1
        self._remember()
        await self._send_newest()

    async def _end(self, head: ChainView) -> None:
        """Tell the core how its plan ended: as of the block that has it."""
        saga = self.saga
        inclusion = saga.inclusion
        assert inclusion is not None
        view = head
        if inclusion.tx and head.block.number - inclusion.number < FINAL_BLOCKS:
            view = await self._chain.view(inclusion.block_hash)
        before = self.core.state
        report = self._report(saga, inclusion, view)
        if inclusion.executed:
            self.core.on_executed(report)
            self.counts["executed"] += 1
        else:
            self.core.on_reverted(report)
            self.counts["reverted"] += 1
            logger.warning("plan %d reverted: %s", saga.plan_id, inclusion.reason)
        self.gas_wei += inclusion.gas_wei
        self.memory.ended, self.memory.core_before = saga.end(), before
        self.memory.bundle = None
        self._remember()

    def _report(self, saga: Saga, inclusion: Inclusion, view: ChainView) -> ExecutionReport:
        base, quote = self.pair.join(view.account.amount0, view.account.amount1)
        return ExecutionReport(
            saga.plan_id,
            view.block.ts_ns,
            inclusion.sqrt_price_x96 or view.pool.sqrt_price_x96,
            base,
            quote,
            _positions(view),
        )

    # deciding

    def _is_due(self, view: ChainView) -> bool:
        low, high = self.core.trigger_bounds()
        if not low < view.pool.sqrt_price_x96 < high:
            return True
        if self.core.state.holdings != _holdings(view):
            return True  # nothing was ever seen, or somebody else moved tokens
        timer = self.core.next_timer_ns()
        return timer is not None and view.block.ts_ns >= timer

    def _observe(self, view: ChainView) -> Observation:
        estimates, pool, account = self.watch.estimates, view.pool, view.account
        estimates.update()
        base, quote = self.pair.join(account.amount0, account.amount1)
        return Observation(
            ts_ns=view.block.ts_ns,
            block=view.block.number,
            sqrt_price_x96=pool.sqrt_price_x96,
            tick=pool.tick,
            wallet_base=base,
            wallet_quote=quote,
            positions=_positions(view),
            twap_tick=self.watch.twap_tick,
            cefi_inventory=self._cefi_inventory(),
            hedge_ratio=1.0,
            sigma=estimates.sigma,
            fees=estimates.fees,
            intensity=estimates.intensity,
            base_fee_wei=view.block.base_fee_wei,
            native_mark_x96=self._native.mark_x96(self.pair, pool.sqrt_price_x96),
            data_age_ns=self._clock_ns() - (self.heard_ns or 0),
            pending=account.pending_nonce != account.nonce,
        )

    async def _decide(self, view: ChainView) -> None:
        seen = self._observe(view)
        answer = self.core.step(seen)
        if isinstance(answer, Hold):
            if answer.refusal is not None:
                self.counts[f"held {answer.refusal.reason.value}"] += 1
                self._decided(Decided(seen.ts_ns, seen.block, None, answer.refusal))
            return
        self.counts["plans"] += 1
        self._decided(Decided(seen.ts_ns, seen.block, answer, None))
        tip = self._parameters.priority_fee_wei
        bundle = Bundle(
            view.account.nonce,
            answer.actions,
            view.block.ts_ns // SECOND + DEADLINE_S,
            2 * view.block.base_fee_wei + tip,
            tip,
        )
        self.saga.begin(answer.plan_id, bundle.nonce, self._attempt(bundle, view))
        self.memory.bundle = bundle
        self._remember()
        await self._send_newest()

    def _attempt(self, bundle: Bundle, view: ChainView) -> Attempt:
        made = self._chain.prepare(bundle)
        return Attempt(
            made.tx, made.raw, bundle.max_fee_wei, bundle.priority_fee_wei, view.block.number
        )

    def _remember(self) -> None:
        self.memory.core = self.core.state
        self._file.write(self.memory)


def _holdings(view: ChainView) -> Holdings:
    """Return tokens in the wallet and liquidity, without fees."""
    account = view.account
    rows = tuple((each.tick_lower, each.tick_upper, each.liquidity) for each in account.positions)
    return Holdings(account.amount0, account.amount1, rows)


def _positions(view: ChainView) -> tuple[PositionView, ...]:
    return tuple(
        PositionView(each.tick_lower, each.tick_upper, each.liquidity, each.fees0, each.fees1)
        for each in view.account.positions
    )
