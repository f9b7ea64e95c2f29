"""Pool logs written by hand, for tests that need a file with one thing special about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from alp._core.evmlog import EVENT_TOPICS
from alp._core.tickmath import get_sqrt_ratio_at_tick

TOPICS = {name.partition("(")[0]: "0x" + topic for name, topic in EVENT_TOPICS.items()}
COLUMNS = (
    "block_number", "block_timestamp", "transaction_hash", "transaction_index", "log_index",
    "topics", "data",
)  # fmt: skip
OWNER = "0x" + "ab" * 20
START_S = 1_704_412_800


def word(value: int) -> str:
    """One 32-byte word in hex, two's complement."""
    return f"{value % (1 << 256):064x}"


def address_word(address: str) -> str:
    return address[2:].rjust(64, "0")


@dataclass(frozen=True)
class Log:
    """One log of a pool, before it is written as a row."""

    topics: tuple[str, ...]
    data: str
    block: int = 100
    time: str = "2024-01-05 00:00:00"
    index: int = 0
    address: str = "0x" + "11" * 20

    def at(self, block: int, index: int = 0, *, seconds: int | None = None) -> Log:
        """The same log at another place; the time goes with the block, 12 s each."""
        seconds = (block - 100) * 12 if seconds is None else seconds
        hours, rest = divmod(seconds, 3600)
        time = f"2024-01-05 {hours:02}:{rest // 60:02}:{rest % 60:02}"
        return replace(self, block=block, index=index, time=time)

    def fields(self) -> dict[str, str]:
        return {
            "block_number": str(self.block),
            "block_timestamp": self.time,
            "transaction_hash": "0x" + "cd" * 32,
            "transaction_index": "1",
            "log_index": str(self.index),
            "topics": json.dumps(list(self.topics)),
            "data": self.data,
            "address": self.address,
        }


def swap(
    amount0: int, amount1: int, tick: int, *, liquidity: int = 10**18, price: int | None = None
) -> Log:
    """A swap that ended at the lower edge of a tick (or at a price)."""
    price = get_sqrt_ratio_at_tick(tick) if price is None else price
    data = "".join(word(value) for value in (amount0, amount1, price, liquidity, tick))
    topics = (TOPICS["Swap"], "0x" + address_word(OWNER), "0x" + address_word(OWNER))
    return Log(topics, "0x" + data)


def down(tick: int, **keywords: int) -> Log:
    """A swap of token0 into the pool."""
    return swap(1000, -999, tick, **keywords)


def up(tick: int, **keywords: int) -> Log:
    """A swap of token1 into the pool."""
    return swap(-999, 1000, tick, **keywords)


def mint(lower: int, upper: int, liquidity: int, amount0: int = 5, amount1: int = 6) -> Log:
    topics = (TOPICS["Mint"], "0x" + address_word(OWNER), "0x" + word(lower), "0x" + word(upper))
    values = "".join(word(value) for value in (liquidity, amount0, amount1))
    return Log(topics, "0x" + address_word(OWNER) + values)


def burn(lower: int, upper: int, liquidity: int, amount0: int = 5, amount1: int = 6) -> Log:
    topics = (TOPICS["Burn"], "0x" + address_word(OWNER), "0x" + word(lower), "0x" + word(upper))
    return Log(topics, "0x" + "".join(word(value) for value in (liquidity, amount0, amount1)))


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"') else text


def table(rows: Iterable[Iterable[str]], header: Iterable[str]) -> str:
    lines = [",".join(header), *(",".join(quoted(each) for each in row) for row in rows)]
    return "\n".join(lines) + "\n"


def raw_csv(logs: Iterable[Log], columns: Iterable[str] = COLUMNS) -> str:
    """The logs as demeter-fetch writes them."""
    columns = tuple(columns)
    return table(([log.fields()[name] for name in columns] for log in logs), columns)


def short_history() -> list[Log]:
    """Six sound events in order."""
    return [
        mint(-100, 100, 10**18).at(100),
        down(-5).at(101),
        up(3).at(102, 0),
        up(7).at(102, 4),
        burn(-100, 100, 10**17).at(103),
        down(-20, liquidity=9 * 10**17).at(104),
    ]
