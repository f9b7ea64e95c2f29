"""The port's values as plain ones for JSON and back; integers of any size stay integers."""

from __future__ import annotations

from typing import Any

from alp.chain.port import (
    AccountNow,
    Block,
    Bundle,
    ChainEvent,
    ChainView,
    Fate,
    Holding,
    Log,
    LogKind,
    Mined,
    Outcome,
    PoolNow,
    Removed,
)
from alp.errors import DataError
from alp.models.lp_types import Action, Burn, Collect, Mint, Swap

_ACTIONS: dict[str, type[Action]] = {
    each.__name__.lower(): each for each in (Burn, Collect, Swap, Mint)
}


def bundle_values(bundle: Bundle) -> dict[str, Any]:
    """Return a bundle as plain values."""
    return {
        **bundle._asdict(),
        "actions": [[type(each).__name__.lower(), *each] for each in bundle.actions],
    }


def read_bundle(values: Any) -> Bundle:
    """Return what :func:`bundle_values` wrote.

    Raises
    ------
    DataError
        If it is no bundle.
    """
    try:
        actions = [_ACTIONS[name](*rest) for name, *rest in values["actions"]]
        return Bundle(**{**values, "actions": tuple(actions)})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"not a bundle of actions: {error!r}") from error


def event_values(event: ChainEvent) -> dict[str, Any]:
    """Return what happened as plain values."""
    if isinstance(event, Removed):
        return {"removed": list(event.block)}
    return {"mined": list(event.block), "logs": [list(each) for each in event.logs]}


def read_event(values: Any) -> ChainEvent:
    """Return what :func:`event_values` wrote.

    Raises
    ------
    DataError
        If it is no event.
    """
    try:
        if "removed" in values:
            return Removed(Block(*values["removed"]))
        return Mined(Block(*values["mined"]), tuple(_read_log(each) for each in values["logs"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"not an event of a chain: {error!r}") from error


def _read_log(values: list[Any]) -> Log:
    chain_id, block_hash, index, tx, kind, *rest = values
    return Log(chain_id, block_hash, index, tx, LogKind(kind), *rest)


def view_values(view: ChainView) -> dict[str, Any]:
    """Return a view as plain values."""
    account = view.account
    return {
        "block": list(view.block),
        "pool": list(view.pool),
        "account": [*account[:-1], [list(each) for each in account.positions]],
    }


def read_view(values: Any) -> ChainView:
    """Return what :func:`view_values` wrote.

    Raises
    ------
    DataError
        If it is no view.
    """
    try:
        nonce, pending, amount0, amount1, native, rows = values["account"]
        positions = tuple(Holding(*each) for each in rows)
        account = AccountNow(nonce, pending, amount0, amount1, native, positions)
        return ChainView(Block(*values["block"]), PoolNow(*values["pool"]), account)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"not a view of a chain: {error!r}") from error


def outcome_values(outcome: Outcome) -> list[Any]:
    """Return an outcome as plain values."""
    fate, block, *rest = outcome
    return [fate.value, None if block is None else list(block), *rest]


def read_outcome(values: Any) -> Outcome:
    """Return what :func:`outcome_values` wrote.

    Raises
    ------
    DataError
        If it is no outcome.
    """
    try:
        fate, block, *rest = values
        return Outcome(Fate(fate), None if block is None else Block(*block), *rest)
    except (TypeError, ValueError) as error:
        raise DataError(f"not an outcome: {error!r}") from error
