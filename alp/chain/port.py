"""Between an agent and a chain: blocks, the pool, an account, and transactions followed to an end.

The agent knows no more of a chain than this. A simulated chain and a node with the real contracts
behind it are both a :class:`Chain`; which one it is shows nowhere above.

What is read is level-triggered: a :class:`ChainView` is everything at one block, and an event only
says that there is a newer one. What is sent is known by its hash before it is sent, so that whoever
wrote the hash down finds the transaction again whatever happened in between; the same bytes may be
sent any number of times, and the account's nonce lets one effect come of them.

Amounts are raw token units, prices the contract's sqrt prices, times nanoseconds UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import NamedTuple, Protocol

from alp.errors import RpcError
from alp.models.lp_types import Action


class Block(NamedTuple):
    """A block's header.

    Parameters
    ----------
    hash, parent
        Hexadecimal; a block is known by its hash, its number may come to be another block's.
    base_fee_wei
        Price of a unit of gas in it without the tip.
    """

    number: int
    hash: str
    parent: str
    ts_ns: int
    base_fee_wei: int


class LogKind(StrEnum):
    """What a log of the pool says."""

    SWAP = "swap"
    MINT = "mint"
    BURN = "burn"
    COLLECT = "collect"


class Log(NamedTuple):
    """What happened in the pool; its identity is (chain id, block hash, log index).

    Parameters
    ----------
    tx
        Hash of its transaction; empty where it is not known.
    amount0, amount1
        As the contract says them: signed for a swap, positive into the pool; else never negative.
    sqrt_price_x96, tick, liquidity
        After a swap, with the pool's active liquidity. Of a mint or burn, liquidity is how much.
    """

    chain_id: int
    block_hash: str
    log_index: int
    tx: str
    kind: LogKind
    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int
    sqrt_price_x96: int
    tick: int
    liquidity: int

    @property
    def identity(self) -> tuple[int, str, int]:
        """What no other log has."""
        return self.chain_id, self.block_hash, self.log_index


class Mined(NamedTuple):
    """A block was added on top of the last one told; its logs in order."""

    block: Block
    logs: tuple[Log, ...]


class Removed(NamedTuple):
    """A reorganisation took this block, until now the last one, out of the chain."""

    block: Block


ChainEvent = Mined | Removed


class PoolNow(NamedTuple):
    """The pool at a block."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    fee_growth0_x128: int
    fee_growth1_x128: int


class Holding(NamedTuple):
    """A position of the account.

    Parameters
    ----------
    fees0, fees1
        What a collect would pay now.
    """

    token_id: int
    tick_lower: int
    tick_upper: int
    liquidity: int
    fees0: int
    fees1: int


class AccountNow(NamedTuple):
    """The agent's account at a block.

    Parameters
    ----------
    nonce
        Of the next transaction to be included.
    pending_nonce
        Of the next one that nobody sent yet, as far as the node knows.
    amount0, amount1
        Tokens outside positions.
    native_wei
        What gas is paid from.
    """

    nonce: int
    pending_nonce: int
    amount0: int
    amount1: int
    native_wei: int
    positions: tuple[Holding, ...]


class ChainView(NamedTuple):
    """Everything at one block."""

    block: Block
    pool: PoolNow
    account: AccountNow


class Bundle(NamedTuple):
    """A plan as one transaction: all of it happens, or none.

    Parameters
    ----------
    actions
        In this order.
    deadline_s
        In a block later than this (seconds since 1970) it reverts.
    max_fee_wei, priority_fee_wei
        Most that a unit of gas may cost with the tip, and the tip.
    """

    nonce: int
    actions: tuple[Action, ...]
    deadline_s: int
    max_fee_wei: int
    priority_fee_wei: int


class Prepared(NamedTuple):
    """A transaction ready to be sent: its hash, and the bytes (as text) that always have it."""

    tx: str
    nonce: int
    raw: str


class Fate(StrEnum):
    """What a node says of a transaction, as of its head."""

    ABSENT = "absent"
    """The node does not know it: it never came, or was dropped. It may still be included."""
    PENDING = "pending"
    """It waits."""
    EXECUTED = "executed"
    REVERTED = "reverted"
    """It was included and did nothing but cost gas."""


class Outcome(NamedTuple):
    """What became of a transaction.

    Parameters
    ----------
    block
        That includes it; None while none does.
    reason
        Why it reverted, in the contract's words.
    gas_wei
        What it paid.
    sqrt_price_x96
        The pool's price right after it, from the block's logs; 0 while not included.
    """

    fate: Fate
    block: Block | None = None
    reason: str = ""
    gas_wei: int = 0
    sqrt_price_x96: int = 0

    @property
    def included(self) -> bool:
        """Whether a block has it."""
        return self.block is not None


class SendRefused(RpcError):  # noqa: N818 - what the node did
    """A node did not take a transaction; whether it is included is for its outcome to say."""


class Chain(Protocol):
    """A chain, one pool on it, and one account.

    Every call may raise :class:`~alp.errors.RpcError`: nothing is known then, least of all that a
    transaction was not sent.
    """

    @property
    def chain_id(self) -> int:
        """EIP-155 id; checked by the adapter with every connection."""
        ...

    def events(self) -> AsyncIterator[ChainEvent]:
        """Yield the present head as Mined, then what happens; no block is left out.

        It ends with RpcError where the connection does: then read a view, and subscribe again.
        """
        ...

    async def recent(self, blocks: int) -> list[Mined]:
        """Return at most so many of the last blocks with their logs, in order, the head last."""
        ...

    async def view(self, block_hash: str | None = None) -> ChainView:
        """Return everything at a block of the chain; the head by default.

        Raises
        ------
        RpcError
            If the chain has no such block, or not any more.
        """
        ...

    def prepare(self, bundle: Bundle) -> Prepared:
        """Sign a transaction. Nothing leaves; the same bundle gives the same bytes."""
        ...

    async def send(self, prepared: Prepared) -> None:
        """Hand a transaction to the node; again is no harm.

        Raises
        ------
        SendRefused
            If the node says that it will not take it.
        """
        ...

    async def outcome(self, tx: str) -> Outcome:
        """Return what became of a transaction."""
        ...

    async def close(self) -> None:
        """Let the connection go."""
        ...
