"""The page on order entry says what the code does at Coinbase and Kraken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from alp.venues.coinbase.order_errors import CANCELS, REASONS
from alp.venues.kraken.order_errors import FUTURES, SPOT
from alp.venues.orders import Action, Capability, OrderAdapter, Policy
from alp.venues.registry import orders_for

PAGE = Path(__file__).resolve().parents[2] / "docs/order-entry.md"


def rows(exchange: str, table: Iterable[tuple[str, Any]]) -> list[str]:
    """The rows of an exchange's errors, those alike together."""
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for text, meaning in table:
        command = "unknown" if meaning.policy is Policy.QUERY else "refused"
        alike[command, meaning.reason.name, str(meaning.policy)].append(f"`{text}`")
    return [
        f"| `{exchange}` | {' | '.join(key)} | {', '.join(texts)} |"
        for key, texts in sorted(alike.items(), reverse=True)
    ]


TABLES = {
    "coinbase-spot": rows("coinbase-spot", [*REASONS, *CANCELS.items()]),
    "kraken-spot": rows("kraken-spot", SPOT),
    "kraken-futures": rows("kraken-futures", FUTURES.items()),
}


@pytest.mark.parametrize("exchange", TABLES)
def test_the_page_has_every_error(exchange: str) -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    begin = f"| `{exchange}` | "
    errors = [each for each in page if each.startswith(begin) and each.split(" | ")[1] in ENDS]
    assert errors == TABLES[exchange]


ENDS = ("refused", "unknown")


def described(adapter: OrderAdapter) -> str:
    """The row of what an exchange can do."""
    can = adapter.capabilities
    kept = "of less" if Capability.AMEND_KEEPS_PRIORITY in can else "not told"
    most = ", ".join(str(adapter.most_in_batch.get(action, 1)) for action in Action)
    scopes = [
        word
        for flag, word in (
            (Capability.CANCEL_ALL_SYMBOL, "of a product"),
            (Capability.CANCEL_ALL_ACCOUNT, "of the account"),
        )
        if flag in can
    ]
    timer = "none"
    if Capability.DEAD_MAN_ACCOUNT in can:
        timer = f"of the account, {adapter.dead_man_ns // 10**9} s"
    socket = "yes" if Capability.SOCKET_ORDERS in can else "no"
    everything = ", ".join(scopes) or "by a list"
    return (
        f"| `{adapter.exchange}` | price, quantity | {kept} | {most} | {everything} | {timer} "
        f"| {socket} |"
    )


@pytest.mark.parametrize("exchange", TABLES)
def test_the_page_says_what_each_exchange_can_do(exchange: str) -> None:
    assert described(orders_for(exchange)) in PAGE.read_text(encoding="utf-8").splitlines()
