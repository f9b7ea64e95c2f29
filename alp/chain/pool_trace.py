"""Replay of a recorded contract trace: one method for each kind of operation.

A trace is what the deployed contracts did, operation by operation, with all state after each. The
replay sends the same calls to the engine and its periphery and says what came of them in the
trace's own words, for ``verify_pool`` to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from alp._core.errors import Revert
from alp._core.pool import Pool, PositionState, TickState
from alp.chain.uniswap_v3 import PositionManager, QuoterV2, SwapRouter

Record = dict[str, Any]
Event = list[Any]


@dataclass
class Outcome:
    """What one operation came to: a revert's reason, or results and events."""

    error: str | None = None
    out: Record = field(default_factory=dict)
    events: list[Event] | None = None
    crossed: list[int] | None = None
    token_id: int | None = None


class TraceReplay:
    """The engine's side of a trace.

    Attributes
    ----------
    pool
        The pool the trace is at.
    """

    def __init__(self) -> None:
        self.actors: dict[str, int] = {}
        self.pool = Pool(500, 10)
        self.manager = PositionManager(0)
        self.router = SwapRouter()
        self.quoter = QuoterV2()
        self._now = 0
        self._operations: dict[str, Callable[[Record, str], Outcome]] = {
            "init": self._init,
            "mint": self._mint,
            "burn": self._burn,
            "collect": self._collect,
            "swap": self._swap,
            "router_in": self._router_in,
            "router_out": self._router_out,
            "quote_in": self._quote_in,
            "quote_out": self._quote_out,
            "flash": self._flash,
            "setFeeProtocol": self._set_fee_protocol,
            "collectProtocol": self._collect_protocol,
            "grow": self._grow,
            "observe": self._observe,
            "inside": self._inside,
            "npm_mint": self._npm_mint,
            "npm_increase": self._npm_increase,
            "npm_decrease": self._npm_decrease,
            "npm_collect": self._npm_collect,
            "npm_burn": self._npm_burn,
            "npm_exit": self._npm_exit,
            "dump": lambda _args, _actor: Outcome(),
        }

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of operations that can be replayed."""
        return frozenset(self._operations)

    def start(self, header: Record) -> None:
        """Read the trace's header: who is who."""
        self.actors = {label: int(address, 16) for label, address in header["actors"].items()}
        self.manager = PositionManager(self.actors["npm"])

    def open_pool(self, record: Record) -> Outcome:
        """Start the next pool of the trace."""
        self.pool = Pool(record["fee"], record["tickSpacing"])
        self._now = 0
        return Outcome(out={"maxLiquidityPerTick": self.pool.max_liquidity_per_tick})

    def perform(self, record: Record) -> Outcome:
        """Do one recorded operation.

        A call without a block of its own (a revert, a view) happens in the latest block known.
        """
        out = record.get("out") or {}
        self._now = record.get("ts", out.get("now", self._now))
        try:
            return self._operations[record["op"]](record["args"], record["actor"])
        except Revert as revert:
            return Outcome(error=revert.reason)

    def address(self, label: str) -> int:
        """Address of an actor's label, or of a literal address."""
        return int(label, 16) if label.startswith("0x") else self.actors[label]

    def state(self) -> Record:
        """State of the pool, in the trace's words."""
        pool = self.pool
        seen = pool.observation(pool.observation_index)
        return {
            "sqrtPriceX96": pool.sqrt_price_x96,
            "tick": pool.tick,
            "liquidity": pool.liquidity,
            "feeGrowthGlobal0X128": pool.fee_growth_global0_x128,
            "feeGrowthGlobal1X128": pool.fee_growth_global1_x128,
            "protocolFees0": pool.protocol_fees0,
            "protocolFees1": pool.protocol_fees1,
            "balance0": pool.balance0,
            "balance1": pool.balance1,
            "feeProtocol": pool.fee_protocol,
            "observationIndex": pool.observation_index,
            "observationCardinality": pool.observation_cardinality,
            "observationCardinalityNext": pool.observation_cardinality_next,
            "observation": list(seen[:3]),
        }

    def tick_row(self, tick: int) -> list[Any]:
        """One tick, as a row of the trace's ``ticks``."""
        return tick_row(self.pool.tick_info(tick))

    def tick_rows(self) -> list[list[Any]]:
        """All initialised ticks, as rows of the trace's ``ticks``."""
        return [tick_row(tick) for tick in self.pool.ticks()]

    def position_row(self, owner: str, tick_lower: int, tick_upper: int) -> list[Any]:
        """One position, as a row of the trace's ``pos``."""
        position = self.pool.position(self.address(owner), tick_lower, tick_upper)
        return [owner, *position_row(position)]

    def token(self, token_id: int) -> Record | None:
        """Account of a token at the manager, in the trace's words; None once burnt."""
        try:
            held = self.manager.position(token_id)
        except Revert:
            return None
        return {
            "tokenId": token_id,
            "lo": held.tick_lower,
            "hi": held.tick_upper,
            "liquidity": held.liquidity,
            "feeGrowthInside0LastX128": held.fee_growth_inside0_last_x128,
            "feeGrowthInside1LastX128": held.fee_growth_inside1_last_x128,
            "tokensOwed0": held.tokens_owed0,
            "tokensOwed1": held.tokens_owed1,
        }

    def _init(self, args: Record, _actor: str) -> Outcome:
        price = int(args["sqrtPriceX96"])
        self.pool.initialize(price, self._now)
        return Outcome(events=[["Initialize", {"sqrtPriceX96": price, "tick": self.pool.tick}]])

    def _mint(self, args: Record, actor: str) -> Outcome:
        lower, upper, amount = args["tickLower"], args["tickUpper"], int(args["amount"])
        paid = self.pool.mint(self.address(args["owner"]), lower, upper, amount, self._now)
        event = self._mint_event(args["owner"], actor, (lower, upper), amount, paid)
        return Outcome(out=_amounts(paid), events=[event])

    def _burn(self, args: Record, _actor: str) -> Outcome:
        lower, upper, amount = args["tickLower"], args["tickUpper"], int(args["amount"])
        booked = self.pool.burn(self.address(args["owner"]), lower, upper, amount, self._now)
        event = self._burn_event(args["owner"], (lower, upper), amount, booked)
        return Outcome(out=_amounts(booked), events=[event])

    def _collect(self, args: Record, actor: str) -> Outcome:
        lower, upper = args["tickLower"], args["tickUpper"]
        paid = self.pool.collect(
            self.address(args["owner"]),
            lower,
            upper,
            int(args["amount0Requested"]),
            int(args["amount1Requested"]),
        )
        recipient = args.get("recipient", actor)
        event = self._collect_event(args["owner"], recipient, (lower, upper), paid)
        return Outcome(out=_amounts(paid), events=[event])

    def _swap(self, args: Record, actor: str) -> Outcome:
        amounts = self.pool.swap(
            args["zeroForOne"],
            int(args["amountSpecified"]),
            int(args["sqrtPriceLimitX96"]),
            self._now,
        )
        return self._swapped(amounts, actor, args.get("recipient", actor))

    def _router_in(self, args: Record, _actor: str) -> Outcome:
        zero_for_one = args["zeroForOne"]
        amounts = self.router.exact_input_single(
            self.pool,
            zero_for_one=zero_for_one,
            amount_in=int(args["amountSpecified"]),
            amount_out_minimum=int(args["amountOutMinimum"]),
            sqrt_price_limit_x96=int(args["routerLimitX96"]),
            deadline=args["deadline"],
            timestamp=self._now,
        )
        outcome = self._swapped(amounts, "router", args["recipient"])
        outcome.out["amountOut"] = -amounts[1 if zero_for_one else 0]
        return outcome

    def _router_out(self, args: Record, _actor: str) -> Outcome:
        zero_for_one = args["zeroForOne"]
        amounts = self.router.exact_output_single(
            self.pool,
            zero_for_one=zero_for_one,
            amount_out=-int(args["amountSpecified"]),
            amount_in_maximum=int(args["amountInMaximum"]),
            sqrt_price_limit_x96=int(args["routerLimitX96"]),
            deadline=args["deadline"],
            timestamp=self._now,
        )
        outcome = self._swapped(amounts, "router", args["recipient"])
        outcome.out["amountIn"] = amounts[0 if zero_for_one else 1]
        return outcome

    def _swapped(self, amounts: tuple[int, int], sender: str, recipient: str) -> Outcome:
        fields = {
            "sender": sender,
            "recipient": recipient,
            **_amounts(amounts),
            "sqrtPriceX96": self.pool.sqrt_price_x96,
            "liquidity": self.pool.liquidity,
            "tick": self.pool.tick,
        }
        return Outcome(
            out=_amounts(amounts), events=[["Swap", fields]], crossed=self.pool.crossed_ticks
        )

    def _quote_in(self, args: Record, _actor: str) -> Outcome:
        quote = self.quoter.quote_exact_input_single(
            self.pool,
            zero_for_one=args["zeroForOne"],
            amount_in=int(args["amount"]),
            sqrt_price_limit_x96=int(args["sqrtPriceLimitX96"]),
        )
        return Outcome(out=dict(zip(QUOTE_FIELDS, quote, strict=True)))

    def _quote_out(self, args: Record, _actor: str) -> Outcome:
        quote = self.quoter.quote_exact_output_single(
            self.pool,
            zero_for_one=args["zeroForOne"],
            amount_out=int(args["amount"]),
            sqrt_price_limit_x96=int(args["sqrtPriceLimitX96"]),
        )
        return Outcome(out=dict(zip(QUOTE_FIELDS, quote, strict=True)))

    def _flash(self, args: Record, actor: str) -> Outcome:
        lent = int(args["amount0"]), int(args["amount1"])
        paid = self.pool.flash(*lent, int(args["pay0"]), int(args["pay1"]))
        fields = {
            "sender": actor,
            "recipient": args.get("recipient", actor),
            **_amounts(lent),
            "paid0": paid[0],
            "paid1": paid[1],
        }
        return Outcome(events=[["Flash", fields]])

    def _set_fee_protocol(self, args: Record, _actor: str) -> Outcome:
        old = self.pool.fee_protocol
        self.pool.set_fee_protocol(args["feeProtocol0"], args["feeProtocol1"])
        fields = {
            "feeProtocol0Old": old & 15,
            "feeProtocol1Old": old >> 4,
            "feeProtocol0New": args["feeProtocol0"],
            "feeProtocol1New": args["feeProtocol1"],
        }
        return Outcome(events=[["SetFeeProtocol", fields]])

    def _collect_protocol(self, args: Record, actor: str) -> Outcome:
        paid = self.pool.collect_protocol(
            int(args["amount0Requested"]), int(args["amount1Requested"])
        )
        fields = {
            "sender": actor,
            "recipient": args.get("recipient", actor),
            **_amounts(paid),
        }
        return Outcome(out=_amounts(paid), events=[["CollectProtocol", fields]])

    def _grow(self, args: Record, _actor: str) -> Outcome:
        old = self.pool.observation_cardinality_next
        self.pool.increase_observation_cardinality_next(args["next"])
        new = self.pool.observation_cardinality_next
        fields = {"observationCardinalityNextOld": old, "observationCardinalityNextNew": new}
        return Outcome(
            events=[["IncreaseObservationCardinalityNext", fields]] if new != old else []
        )

    def _observe(self, args: Record, _actor: str) -> Outcome:
        ticks, seconds = self.pool.observe(args["secondsAgos"], self._now)
        return Outcome(
            out={
                "now": self._now,
                "tickCumulatives": ticks,
                "secondsPerLiquidityCumulativeX128s": seconds,
            }
        )

    def _inside(self, args: Record, _actor: str) -> Outcome:
        ticks, per_liquidity, seconds = self.pool.snapshot_cumulatives_inside(
            args["tickLower"], args["tickUpper"], self._now
        )
        return Outcome(
            out={
                "now": self._now,
                "tickCumulativeInside": ticks,
                "secondsPerLiquidityInsideX128": per_liquidity,
                "secondsInside": seconds,
            }
        )

    def _npm_mint(self, args: Record, _actor: str) -> Outcome:
        minted = self.manager.mint(
            self.pool,
            tick_lower=args["lo"],
            tick_upper=args["hi"],
            **_desired(args),
            recipient=self.address(args["recipient"]),
            deadline=args["deadline"],
            timestamp=self._now,
        )
        amounts = minted.amount0, minted.amount1
        event = self._mint_event("npm", "npm", (args["lo"], args["hi"]), minted.liquidity, amounts)
        out = {"tokenId": minted.token_id, "liquidity": minted.liquidity, **_amounts(amounts)}
        return Outcome(out=out, events=[event], token_id=minted.token_id)

    def _npm_increase(self, args: Record, _actor: str) -> Outcome:
        token_id = args["tokenId"]
        added = self.manager.increase_liquidity(
            token_id, **_desired(args), deadline=args["deadline"], timestamp=self._now
        )
        amounts = added.amount0, added.amount1
        event = self._mint_event("npm", "npm", self._range(token_id), added.liquidity, amounts)
        return Outcome(
            out={"liquidity": added.liquidity, **_amounts(amounts)},
            events=[event],
            token_id=token_id,
        )

    def _npm_decrease(self, args: Record, actor: str) -> Outcome:
        token_id, liquidity = args["tokenId"], int(args["liquidity"])
        booked = self.manager.decrease_liquidity(
            self.address(actor),
            token_id,
            liquidity=liquidity,
            amount0_min=int(args["amount0Min"]),
            amount1_min=int(args["amount1Min"]),
            deadline=args["deadline"],
            timestamp=self._now,
        )
        event = self._burn_event("npm", self._range(token_id), liquidity, booked)
        return Outcome(out=_amounts(booked), events=[event], token_id=token_id)

    def _npm_collect(self, args: Record, actor: str) -> Outcome:
        token_id = args["tokenId"]
        before = self.token(token_id)
        paid = self.manager.collect(
            self.address(actor),
            token_id,
            amount0_max=int(args["amount0Max"]),
            amount1_max=int(args["amount1Max"]),
            timestamp=self._now,
        )
        ticks = self._range(token_id)
        events = [self._collect_event("npm", args["recipient"], ticks, paid)]
        if before and before["liquidity"] > 0:
            events.insert(0, self._burn_event("npm", ticks, 0, (0, 0)))
        return Outcome(out=_amounts(paid), events=events, token_id=token_id)

    def _npm_burn(self, args: Record, actor: str) -> Outcome:
        self.manager.burn(self.address(actor), args["tokenId"])
        return Outcome(events=[], token_id=args["tokenId"])

    def _npm_exit(self, args: Record, actor: str) -> Outcome:
        token_id, liquidity = args["tokenId"], int(args["liquidity"])
        held = self.token(token_id)
        left = self.manager.exit(
            self.address(actor),
            token_id,
            liquidity=liquidity,
            deadline=args["deadline"],
            timestamp=self._now,
        )
        assert held is not None  # the manager has just found it
        ticks = held["lo"], held["hi"]
        paid = left.amount0, left.amount1
        return Outcome(
            out={"decrease0": left.decrease0, "decrease1": left.decrease1, **_amounts(paid)},
            events=[
                self._burn_event("npm", ticks, liquidity, (left.decrease0, left.decrease1)),
                self._collect_event("npm", args["recipient"], ticks, paid),
            ],
            token_id=token_id,
        )

    def _range(self, token_id: int) -> tuple[int, int]:
        held = self.manager.position(token_id)
        return held.tick_lower, held.tick_upper

    @staticmethod
    def _mint_event(
        owner: str, sender: str, ticks: tuple[int, int], amount: int, paid: tuple[int, int]
    ) -> Event:
        fields = {"owner": owner, **_ticks(ticks), "sender": sender, "amount": amount}
        return ["Mint", fields | _amounts(paid)]

    @staticmethod
    def _burn_event(
        owner: str, ticks: tuple[int, int], amount: int, booked: tuple[int, int]
    ) -> Event:
        return ["Burn", {"owner": owner, **_ticks(ticks), "amount": amount} | _amounts(booked)]

    @staticmethod
    def _collect_event(
        owner: str, recipient: str, ticks: tuple[int, int], paid: tuple[int, int]
    ) -> Event:
        fields = {"owner": owner, **_ticks(ticks), "recipient": recipient}
        return ["Collect", fields | _amounts(paid)]


QUOTE_FIELDS = ("amount", "sqrtPriceX96After", "initializedTicksCrossed")


def tick_row(tick: TickState) -> list[Any]:
    """Return a tick's fields without its ghosts."""
    return list(tick[:9])


def position_row(position: PositionState) -> list[Any]:
    """Return a position's fields without its owner and kind."""
    return list(position[1:8])


def _amounts(amounts: tuple[int, int]) -> Record:
    return {"amount0": amounts[0], "amount1": amounts[1]}


def _ticks(ticks: tuple[int, int]) -> Record:
    return {"tickLower": ticks[0], "tickUpper": ticks[1]}


def _desired(args: Record) -> dict[str, int]:
    return {
        "amount0_desired": int(args["amount0Desired"]),
        "amount1_desired": int(args["amount1Desired"]),
        "amount0_min": int(args["amount0Min"]),
        "amount1_min": int(args["amount1Min"]),
    }
