"""Approvals for tests of what is written of them."""

from __future__ import annotations

from dataclasses import dataclass

from alp._core.gate import (
    NO_LIMIT,
    AccountRules,
    Gate,
    GateState,
    InstrumentRules,
    Refusal,
    RiskApproved,
)
from alp._core.orders import OrderTable
from alp._core.wire import HeaderFields, OrderCommandMessage, encode

NOW = 1_700_000_000 * 10**9
NEW, AMEND, CANCEL, CANCEL_ALL = 1, 2, 3, 4
GTC, IOC, FOK = 1, 2, 3


@dataclass(frozen=True)
class Terms:
    """What is asked for."""

    client_id: str = "alp-1-7"
    action: int = NEW
    side: int = 1
    price: int = 268_162
    quantity: int = 100
    time_in_force: int = GTC
    post_only: bool = False
    reduce_only: bool = False
    instrument: int = 0

    def command(self) -> bytes:
        """The bytes of an order command."""
        return encode(
            OrderCommandMessage(
                HeaderFields(0, self.instrument, 0, 0, 0),
                self.client_id,
                1,
                self.price,
                self.quantity,
                0,
                self.action,
                self.side,
                self.time_in_force,
                self.post_only + 2 * self.reduce_only,
            )
        )


def gate_of(instruments: int = 1) -> Gate:
    """A gate that lets through whatever is not against itself."""
    gate = Gate(OrderTable([(0, 1)] * instruments, capacity=64))
    gate.fence(1)
    gate.set_account(AccountRules(0, 1, 0, NO_LIMIT, NO_LIMIT))
    gate.set_venue(0, 0, 1, 0)
    gate.set_combined(0, NO_LIMIT)
    wide = InstrumentRules(True, 0, *[NO_LIMIT] * 8, fills_max=64, fill_window_ns=0)
    for at in range(instruments):
        gate.set_instrument(at, wide)
        gate.see_book(at, True, NOW)
    gate.set_state(GateState.ACTIVE)
    return gate


def approve(gate: Gate, terms: Terms) -> RiskApproved:
    """The gate's approval, each a moment later: the same order twice at once is refused."""
    gate.see_reference(terms.instrument, terms.price, terms.price, NOW)
    approved = gate.approve(terms.command(), NOW + gate.counts["PASSED"])
    assert not isinstance(approved, Refusal), approved
    return approved
