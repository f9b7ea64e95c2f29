"""From events to entries: which accounts change by how much; sums are zero in each asset.

Pure functions of an event and the balances before it. Balances matter to liquidity only, where an
event may tell a level (what a position holds) instead of a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alp.errors import Corrupt, DataError
from alp.ledger.accounts import MOST, Account, Kind, Place, Posting
from alp.ledger.events import (
    Adjustment,
    Adoption,
    Event,
    Fee,
    Fill,
    Flow,
    Funding,
    Gas,
    LpBurn,
    LpCollect,
    LpLevel,
    LpMint,
    LpSwapThrough,
    Settlement,
    Transfer,
)

Balances = Mapping[Account, int]
Postings = list[Posting]


def postings_of(event: Event, balances: Balances) -> Postings:
    """Return the postings of an event, none of them zero.

    Raises
    ------
    DataError
        If an amount is too large for the ledger.
    Corrupt
        If they do not sum to zero, which no event can bring about.
    """
    made = [each for each in _RULES[type(event)](event, balances) if each[1]]
    for _, amount in made:
        if not -MOST <= amount <= MOST:
            raise DataError(f"{event.kind} {event.proof.key}: {amount} has more than 38 digits")
    check(made, event.proof.key)
    return made


def reversal(postings: Sequence[Posting]) -> Postings:
    """Return the postings that undo others."""
    return [Posting(account, -amount) for account, amount in postings]


def check(postings: Sequence[Posting], name: object) -> None:
    """Hold an entry to its sums.

    Raises
    ------
    Corrupt
        If one is not zero.
    """
    sums: dict[str, int] = {}
    for account, amount in postings:
        asset = account[2]
        sums[asset] = sums.get(asset, 0) + amount
    for asset, total in sums.items():
        if total:
            raise Corrupt(f"entry {name}: its postings of {asset} sum to {total}, not to zero")


def _move(source: Place, target: Place, asset: str, amount: int) -> Postings:
    return [
        Posting(Account(source[0], source[1], asset), -amount),
        Posting(Account(target[0], target[1], asset), amount),
    ]


def _fill(event: Fill, _balances: Balances) -> Postings:
    kind, owner = event.place
    base = event.base_amount * event.side
    quote = -event.quote_amount * event.side
    cash = Kind.MARGIN if event.margined else kind
    made = [
        Posting(Account(kind, owner, event.base), base),
        Posting(Account(Kind.MARKET, owner, event.base), -base),
        Posting(Account(cash, owner, event.quote), quote),
        Posting(Account(Kind.MARKET, owner, event.quote), -quote),
    ]
    if event.fee_amount:
        made += _move(event.place, Place(Kind.FEES, owner), event.fee_asset, event.fee_amount)
    return made


def _fee(event: Fee, _balances: Balances) -> Postings:
    return _move(event.place, Place(Kind.FEES, event.place[1]), event.asset, event.amount)


def _funding(event: Funding, _balances: Balances) -> Postings:
    return _move(Place(Kind.FUNDING, event.place[1]), event.place, event.asset, event.amount)


def _settlement(event: Settlement, _balances: Balances) -> Postings:
    margin, balance = Place(Kind.MARGIN, event.owner), Place(Kind.VENUE, event.owner)
    return _move(margin, balance, event.asset, event.amount)


def _transfer(event: Transfer, _balances: Balances) -> Postings:
    return _move(event.source, event.target, event.asset, event.amount)


def _flow(event: Flow, _balances: Balances) -> Postings:
    return _move(Place(Kind.EXTERNAL, event.place[1]), event.place, event.asset, event.amount)


def _adoption(event: Adoption, _balances: Balances) -> Postings:
    return _move(Place(Kind.OPENING, event.place[1]), event.place, event.asset, event.amount)


def _adjustment(event: Adjustment, _balances: Balances) -> Postings:
    return _move(Place(Kind.ADJUSTMENT, event.place[1]), event.place, event.asset, event.amount)


def _gas(event: Gas, _balances: Balances) -> Postings:
    source, target = Place(Kind.WALLET, event.wallet), Place(Kind.GAS, event.wallet)
    return _move(source, target, event.asset, event.amount)


def _lp_mint(event: LpMint, _balances: Balances) -> Postings:
    source, target = Place(Kind.WALLET, event.wallet), Place(Kind.LP, event.position)
    return [
        *_move(source, target, event.asset0, event.amount0),
        *_move(source, target, event.asset1, event.amount1),
    ]


def _lp_burn(event: LpBurn, balances: Balances) -> Postings:
    lp, owed = Place(Kind.LP, event.position), Place(Kind.LP_OWED, event.position)
    pool = Place(Kind.LP_MARKET, event.wallet)
    made = []
    for asset, amount, left in (
        (event.asset0, event.amount0, event.left0),
        (event.asset1, event.amount1, event.left1),
    ):
        booked = balances.get(Account(*lp, asset), 0)
        made += _move(pool, lp, asset, left + amount - booked)
        made += _move(lp, owed, asset, amount)
    return made


def _lp_collect(event: LpCollect, balances: Balances) -> Postings:
    owed, target = Place(Kind.LP_OWED, event.position), Place(Kind.WALLET, event.wallet)
    fees = Place(Kind.LP_FEES, event.wallet)
    made = []
    for asset, amount in ((event.asset0, event.amount0), (event.asset1, event.amount1)):
        booked = balances.get(Account(*owed, asset), 0)
        made += _move(fees, owed, asset, max(0, amount - booked))
        made += _move(owed, target, asset, amount)
    return made


def _lp_swap(event: LpSwapThrough, _balances: Balances) -> Postings:
    lp, owed = Place(Kind.LP, event.position), Place(Kind.LP_OWED, event.position)
    pool, fees = Place(Kind.LP_MARKET, event.wallet), Place(Kind.LP_FEES, event.wallet)
    return [
        *_move(pool, lp, event.asset0, event.amount0),
        *_move(pool, lp, event.asset1, event.amount1),
        *_move(fees, owed, event.asset0, event.fee0),
        *_move(fees, owed, event.asset1, event.fee1),
    ]


def _lp_level(event: LpLevel, balances: Balances) -> Postings:
    lp, owed = Place(Kind.LP, event.position), Place(Kind.LP_OWED, event.position)
    pool, fees = Place(Kind.LP_MARKET, event.wallet), Place(Kind.LP_FEES, event.wallet)
    made = []
    for asset, held, due in (
        (event.asset0, event.held0, event.owed0),
        (event.asset1, event.held1, event.owed1),
    ):
        made += _move(pool, lp, asset, held - balances.get(Account(*lp, asset), 0))
        made += _move(fees, owed, asset, due - balances.get(Account(*owed, asset), 0))
    return made


_RULES: dict[type[Event], Callable[[Any, Balances], Postings]] = {
    Fill: _fill,
    Fee: _fee,
    Funding: _funding,
    Settlement: _settlement,
    Transfer: _transfer,
    Flow: _flow,
    Adoption: _adoption,
    Adjustment: _adjustment,
    Gas: _gas,
    LpMint: _lp_mint,
    LpBurn: _lp_burn,
    LpCollect: _lp_collect,
    LpSwapThrough: _lp_swap,
    LpLevel: _lp_level,
}
