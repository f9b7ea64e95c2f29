"""What may happen to a ledger: typed events, each with the proof that it happened.

Amounts are raw units of the ledger's assets and have the direction their names say; times are
nanoseconds UTC. An event's *content* is all of it but proof and time: two events of one proof must
agree in it, while two endpoints of one venue may differ in a trade's last digits of time.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, NamedTuple

from alp.errors import Corrupt, DataError
from alp.ledger.accounts import MOST, Kind, Place

_SEPARATOR = "|"
_LONGEST_KEY = 255
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Proof(NamedTuple):
    """By what an event is known: unique for ever, and the same whenever it is read again."""

    key: str
    block: str = ""
    """``chain|block hash`` where it is on a chain: what a reorganisation may take away."""


def venue_proof(venue: str, what: str, number: str, market: str = "") -> Proof:
    """Return the proof by a venue's own id.

    Parameters
    ----------
    what
        The list it is a number of: ``trade``, ``ledger``, ``order`` …
    number
        Its id there. Where a venue tells cumulative quantities only, ``order id:quantity``.
    market
        Where trade ids are unique in one market only.
    """
    return Proof(_key(venue, what, market, number))


def chain_proof(chain_id: int, block_hash: str, log_index: int) -> Proof:
    """Return the proof by a log of a block."""
    return Proof(_key(chain_id, block_hash, "log", log_index), _key(chain_id, block_hash))


def transaction_proof(chain_id: int, block_hash: str, transaction_index: int) -> Proof:
    """Return the proof by a transaction in a block: that of the gas it took."""
    return Proof(_key(chain_id, block_hash, "tx", transaction_index), _key(chain_id, block_hash))


def own_proof(what: str, number: str) -> Proof:
    """Return the proof of what we say ourselves: an adjustment, an adoption.

    `number` is to be made from what is stated, so that saying it again is no second event.
    """
    return Proof(_key("own", what, number))


def _key(*parts: object) -> str:
    texts = [str(each) for each in parts]
    text = _SEPARATOR.join(texts)
    if _SEPARATOR in "".join(texts) or not text.isprintable() or len(text) > _LONGEST_KEY:
        raise DataError(f"{text!r} cannot be a proof", hint=f"no {_SEPARATOR}, 255 characters")
    return text


@dataclass(frozen=True, slots=True)
class Event:
    """What is common to all."""

    proof: Proof
    at_ns: int

    kind: ClassVar[str] = ""
    positive: ClassVar[tuple[str, ...]] = ()
    """Members that must be above zero."""

    def __post_init__(self) -> None:
        for name in self.positive:
            if getattr(self, name) <= 0:
                raise DataError(f"{self.kind} {self.proof.key}: {name} must be above zero")


@dataclass(frozen=True, slots=True)
class Fill(Event):
    """A trade of `base_amount` for `quote_amount`, and its fee in any asset.

    Parameters
    ----------
    side
        +1 we bought the base, -1 we sold it.
    fee_amount
        Paid; negative is a rebate.
    margined
        The base is a contract: what it cost waits at the venue's margin until a settlement.
    """

    place: Place
    base: str
    quote: str
    side: int
    base_amount: int
    quote_amount: int
    fee_amount: int = 0
    fee_asset: str = ""
    margined: bool = False

    kind: ClassVar[str] = "fill"
    positive: ClassVar[tuple[str, ...]] = ("base_amount",)

    def __post_init__(self) -> None:
        if self.side not in (1, -1) or self.base_amount <= 0 or self.quote_amount < 0:
            raise DataError(f"fill {self.proof.key}: side, base or quote amount out of range")
        if self.base == self.quote or bool(self.fee_amount) > bool(self.fee_asset):
            raise DataError(f"fill {self.proof.key}: two assets, and one for its fee, are needed")


@dataclass(frozen=True, slots=True)
class Fee(Event):
    """A fee that came by itself; negative is a rebate."""

    place: Place
    asset: str
    amount: int

    kind: ClassVar[str] = "fee"


@dataclass(frozen=True, slots=True)
class Funding(Event):
    """Funding or interest: received, negative paid."""

    place: Place
    asset: str
    amount: int

    kind: ClassVar[str] = "funding"


@dataclass(frozen=True, slots=True)
class Settlement(Event):
    """What a venue moved from the margin of contracts into the balance; negative the other way."""

    owner: str
    asset: str
    amount: int

    kind: ClassVar[str] = "settlement"


@dataclass(frozen=True, slots=True)
class Transfer(Event):
    """From one of our places to another; :func:`~alp.ledger.accounts.transit` is one of them."""

    source: Place
    target: Place
    asset: str
    amount: int

    kind: ClassVar[str] = "transfer"
    positive: ClassVar[tuple[str, ...]] = ("amount",)


@dataclass(frozen=True, slots=True)
class Flow(Event):
    """A deposit from outside, negative a withdrawal to there: capital, not profit."""

    place: Place
    asset: str
    amount: int

    kind: ClassVar[str] = "flow"


@dataclass(frozen=True, slots=True)
class Adoption(Event):
    """What was found at a place and nobody knows the cost of; brings the account up by `amount`."""

    place: Place
    asset: str
    amount: int

    kind: ClassVar[str] = "adoption"


@dataclass(frozen=True, slots=True)
class Adjustment(Event):
    """A difference that a reconciliation accepted; it counts as profit or loss."""

    place: Place
    asset: str
    amount: int
    reason: str

    kind: ClassVar[str] = "adjustment"

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise DataError(f"adjustment {self.proof.key}: without a reason nothing is adjusted")


@dataclass(frozen=True, slots=True)
class Gas(Event):
    """What a transaction took from a wallet."""

    wallet: str
    asset: str
    amount: int

    kind: ClassVar[str] = "gas"


@dataclass(frozen=True, slots=True)
class LpMint(Event):
    """Tokens went from a wallet into the liquidity of a position."""

    wallet: str
    position: str
    asset0: str
    asset1: str
    amount0: int
    amount1: int

    kind: ClassVar[str] = "lp_mint"


@dataclass(frozen=True, slots=True)
class LpBurn(Event):
    """Liquidity was taken out: the amounts are owed now, the rest of the position holds `left`.

    Between mint and burn the pool swapped through the range; the difference to what is booked is
    entered as that. `left` is zero where all liquidity was burned.
    """

    wallet: str
    position: str
    asset0: str
    asset1: str
    amount0: int
    amount1: int
    left0: int = 0
    left1: int = 0

    kind: ClassVar[str] = "lp_burn"


@dataclass(frozen=True, slots=True)
class LpCollect(Event):
    """What was owed went to a wallet; what exceeds the amounts owed in the books was fees."""

    wallet: str
    position: str
    asset0: str
    asset1: str
    amount0: int
    amount1: int

    kind: ClassVar[str] = "lp_collect"


@dataclass(frozen=True, slots=True)
class LpSwapThrough(Event):
    """The pool swapped through a position: what its liquidity changed by, and fees it earned."""

    wallet: str
    position: str
    asset0: str
    asset1: str
    amount0: int
    amount1: int
    fee0: int = 0
    fee1: int = 0

    kind: ClassVar[str] = "lp_swap"


@dataclass(frozen=True, slots=True)
class LpLevel(Event):
    """What a position holds and is owed in all, read at a block; books are brought to it."""

    wallet: str
    position: str
    asset0: str
    asset1: str
    held0: int
    held1: int
    owed0: int
    owed1: int

    kind: ClassVar[str] = "lp_level"


@dataclass(frozen=True, slots=True)
class Mark:
    """The value of one raw unit of an asset, in 2^-96 raw units of the quote asset."""

    asset: str
    at_ns: int
    mark_x96: int

    def __post_init__(self) -> None:
        if not 0 < self.mark_x96 <= MOST << 96:
            raise DataError(f"{self.mark_x96} is no mark of {self.asset}")


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """Blocks that are no longer canonical, and such as have become it again.

    Entries of the former are reversed, and what is told of them later is not booked.
    """

    chain_id: int
    at_ns: int
    orphaned: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()

    def keys(self, hashes: tuple[str, ...]) -> list[str]:
        """Return the blocks as :class:`Proof` names them."""
        return [_key(self.chain_id, each) for each in hashes]


KINDS: dict[str, type[Event]] = {
    each.kind: each
    for each in (
        Fill, Fee, Funding, Settlement, Transfer, Flow, Adoption, Adjustment, Gas,
        LpMint, LpBurn, LpCollect, LpSwapThrough, LpLevel,
    )
}  # fmt: skip
"""The types of event by the name that is stored."""

_CONTENT = {
    each: [
        (field.name, field.default)
        for field in fields(each)
        if field.name not in ("proof", "at_ns")
    ]
    for each in KINDS.values()
}


def content_of(event: Event) -> str:
    """Return an event's content as text: JSON without what is left at its default.

    A member that a later alp adds has a default, so the content of what was stored stays the same.
    """
    members = {}
    for name, default in _CONTENT[type(event)]:
        value = getattr(event, name)
        if value != default or default is MISSING:
            members[name] = value
    return _ENCODE(members)


def event_of(kind: str, proof: Proof, at_ns: int, content: str) -> Event:
    """Return the event that was stored so.

    Raises
    ------
    Corrupt
        If no event has such a content.
    """
    try:
        members: dict[str, Any] = json.loads(content)
        for name in ("place", "source", "target"):
            if name in members:
                members[name] = Place(Kind(members[name][0]), members[name][1])
        make: Any = KINDS[kind]
        event: Event = make(proof, at_ns, **members)
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise Corrupt(f"the stored event {proof.key} ({kind}) cannot be read: {error}") from None
    return event
