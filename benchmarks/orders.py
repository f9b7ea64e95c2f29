#!/usr/bin/env python3
"""Order events and the risk gate: what one costs, without Python and from Python.

    python benchmarks/orders.py
    python benchmarks/orders.py --quick    # few calls: does it run

CPU time of one core, best of n. A life is: opened, acknowledged, amended, filled twice, canceled,
released. The gate checks against twenty own orders on the other side, with every limit set.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.kernel import build_kernel  # noqa: E402
from peers.measure import load, pin, write_report  # noqa: E402

from alp._core.gate import (  # noqa: E402
    NO_LIMIT,
    AccountRules,
    Gate,
    GateState,
    InstrumentRules,
    Refusal,
)
from alp._core.order_life import OrderEvent  # noqa: E402
from alp._core.orders import OrderTable  # noqa: E402
from alp._core.wire import HeaderFields, OrderCommandMessage, encode  # noqa: E402

NOW = 1_700_000_000 * 10**9
RESTING = 20


def command(client_id: str, side: int, price: int) -> bytes:
    return encode(
        OrderCommandMessage(
            HeaderFields(0, 0, 0, 0, 0), client_id, 1, price, 10, NOW * 2, 1, side, 1, 1
        )
    )


def open_gate() -> Gate:
    """A gate whose every limit is set and is not reached."""
    gate = Gate(OrderTable([(0, 1)], capacity=4096))
    gate.fence(1)
    year = 365 * 86_400 * 10**9
    gate.set_account(AccountRules(1, 1 << 20, 10, 10**8, year))
    gate.set_venue(0, 1, 1 << 20, 16)
    gate.set_combined(0, 1 << 40)
    gate.set_instrument(
        0,
        InstrumentRules(True, 0, 100, 10**6, NO_LIMIT, 1 << 40, 9_000, 900, year, year, 50, 10**9),
    )
    gate.see_book(0, True, NOW)
    gate.see_reference(0, 999, 1_001, NOW)
    gate.see_clock(10**6, NOW)
    gate.set_state(GateState.ACTIVE)
    for number in range(RESTING):
        gate.approve(command(f"resting-{number}", -1, 1_001 + number), NOW)
    return gate


def from_python(calls: int) -> tuple[float, float]:
    """Nanoseconds of one event and of one approval, through the Python objects."""
    table = OrderTable([(0, 1)])
    table.open("strategy-7-0000001", 0, 1, 1_000, 1 << 40)
    start = time.process_time_ns()
    for number in range(calls):
        table.apply("strategy-7-0000001", OrderEvent.CANCEL_REFUSED, command=number + 1)
    event = (time.process_time_ns() - start) / calls
    gate = open_gate()
    passed = [command(f"strategy-7-{number:07}", 1, 990 - number % 512) for number in range(3_000)]
    start = time.process_time_ns()
    for number, data in enumerate(passed):
        if isinstance(gate.approve(data, NOW + number), Refusal):
            raise AssertionError("an approval was refused")
    return event, (time.process_time_ns() - start) / len(passed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few calls")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    calls = 50_000 if given.quick else 1_000_000
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}, "
        f"best CPU time of {given.repeat}"
    )
    found: dict[str, float] = {}

    def best(name: str, value: float) -> None:
        found[name] = min(found.get(name, float("inf")), value)

    with tempfile.TemporaryDirectory() as folder:
        kernel: Any = build_kernel("orders_kernel", Path(folder))
        probe = command("strategy-7-0000001", 1, 990)
        for _ in range(given.repeat):
            event, life = kernel.event_ns(OrderTable([(0, 1)]), calls // 8)
            best("event, found by our id", event)
            best("life of nine steps", life)
            best("gate: check that passes", kernel.check_ns(open_gate(), probe, NOW, calls))
            best(
                "gate: approval, end and release",
                kernel.approve_ns(open_gate(), probe, NOW, calls),
            )
            event, approval = from_python(calls // 20)
            best("event, from Python", event)
            best("gate: approval, from Python", approval)
    for name, value in found.items():
        print(f"  {name:<34}{value:>10.1f} ns")
    write_report(given.json, "orders", [{"name": name, "ns": found[name]} for name in found])


if __name__ == "__main__":
    main()
