"""What the liquidity agent remembers between two observations, as plain values it restarts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from alp.errors import Corrupt
from alp.models.triggers import Baseline, Crossing, Holdings

_VERSION = 1


@dataclass(slots=True)
class LpState:
    """The agent's memory.

    The core works on one of its own and hands out copies.

    Attributes
    ----------
    plans
        Plans made so far; the next one's id less one.
    pending_plan
        Plan whose outcome is not reported yet.
    pending_complete
        Whether that plan opens all the ranges it decided on.
    owed
        Ranges were decided on and are not all open: an obligation, not a trigger.
    minted
        Whether any range was ever open.
    baseline
        Price and holdings right after the last rebalance; None while nothing is open.
    holdings
        Wallet and positions last seen; what the trigger bounds are computed from.
    triggered
        The crossing that fired and has neither been followed nor gone back; None when armed.
    last_rebalance_ns
        When a plan was last executed.
    next_evaluation_ns
        Before this time something due is not looked at again; None when nothing is due.
    attempts
        Refusals and reverts in a row, for the growing pause between looks.
    """

    plans: int = 0
    pending_plan: int | None = None
    pending_complete: bool = True
    owed: bool = False
    minted: bool = False
    baseline: Baseline | None = None
    holdings: Holdings | None = None
    triggered: Crossing | None = None
    last_rebalance_ns: int | None = None
    next_evaluation_ns: int | None = None
    attempts: int = 0

    def copy(self) -> LpState:
        """Return this state, to stay as it is now."""
        return replace(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; token amounts and prices as decimal text."""
        return {
            "version": _VERSION,
            "plans": self.plans,
            "pending_plan": self.pending_plan,
            "pending_complete": self.pending_complete,
            "owed": self.owed,
            "minted": self.minted,
            "baseline": None
            if self.baseline is None
            else {
                "sqrt_price_x96": str(self.baseline.sqrt_price_x96),
                "amount0": str(self.baseline.amount0),
                "amount1": str(self.baseline.amount1),
            },
            "holdings": None
            if self.holdings is None
            else {
                "wallet0": str(self.holdings.wallet0),
                "wallet1": str(self.holdings.wallet1),
                "positions": [
                    [lower, upper, str(liquidity)]
                    for lower, upper, liquidity in self.holdings.positions
                ],
            },
            "triggered": None if self.triggered is None else self.triggered.value,
            "last_rebalance_ns": self.last_rebalance_ns,
            "next_evaluation_ns": self.next_evaluation_ns,
            "attempts": self.attempts,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LpState:
        """Return the state that `to_dict` wrote.

        Raises
        ------
        Corrupt
            If the values are not a state of this version.
        """
        if values.get("version") != _VERSION:
            raise Corrupt(f"LP state of version {values.get('version')!r}, not {_VERSION}")
        try:
            baseline, holdings = values["baseline"], values["holdings"]
            return cls(
                plans=values["plans"],
                pending_plan=values["pending_plan"],
                pending_complete=values["pending_complete"],
                owed=values["owed"],
                minted=values["minted"],
                baseline=None
                if baseline is None
                else Baseline(
                    *(int(baseline[key]) for key in ("sqrt_price_x96", "amount0", "amount1"))
                ),
                holdings=None
                if holdings is None
                else Holdings(
                    int(holdings["wallet0"]),
                    int(holdings["wallet1"]),
                    tuple((lo, hi, int(liquidity)) for lo, hi, liquidity in holdings["positions"]),
                ),
                triggered=None if values["triggered"] is None else Crossing(values["triggered"]),
                last_rebalance_ns=values["last_rebalance_ns"],
                next_evaluation_ns=values["next_evaluation_ns"],
                attempts=values["attempts"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"LP state is damaged: {error!r}") from error
