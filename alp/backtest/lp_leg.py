"""The LP leg: the pure core's plans carried out on a driver, as a chain would.

A plan decided at one event is included ``chain_blocks`` later, at the state the pool then has. It
is all or nothing: where a minimum amount is not met the whole of it reverts, its gas is paid, and
the core is told. Amounts, minimums and liquidity follow the position manager's integer math.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from alp._core.errors import Imbalance, Revert
from alp._core.holdings import mint_amounts
from alp._core.lp_books import Book
from alp._core.lp_ledger import PositionBooks
from alp.backtest.book import worth
from alp.backtest.drive import Driver
from alp.backtest.gas import GasPrice, NativePrice
from alp.errors import Corrupt
from alp.models.lp_types import Action, Burn, Mint, Plan, PositionView, Swap
from alp.models.pair import TokenPair


class GasTable(Protocol):
    """Gas by action, as the manifest states it."""

    @property
    def mint(self) -> int:
        """Opening one range."""
        ...

    @property
    def exit(self) -> int:
        """Closing one range."""
        ...

    @property
    def swap(self) -> int:
        """One swap."""
        ...

    @property
    def overhead(self) -> int:
        """Every transaction."""
        ...


@dataclass(slots=True, eq=False)
class OwnedPosition:
    """One position from mint to burn; raw amounts, ledger values."""

    number: int
    slot: int
    tick_lower: int
    tick_upper: int
    liquidity: int
    opened_ns: int
    deposit_base: int
    deposit_quote: int
    opening_mark: int
    closed_ns: int | None = None
    books: PositionBooks = field(init=False)
    """The ledger's last word on it: at its close, or at the end of the run."""
    ended_ns: int = field(init=False)
    """When the books were written: at its close, or at the end of the run."""
    closing_mark: int = field(init=False)

    @property
    def deposit_value(self) -> int:
        """What was deposited, at the mark then."""
        return worth(self.deposit_base, self.deposit_quote, self.opening_mark)

    @property
    def il(self) -> int:
        """Value at the end less the value of the deposit held, ledger units."""
        base, quote = self.books["base"], self.books["quote"]
        return worth(base - self.deposit_base, quote - self.deposit_quote, self.closing_mark)

    @property
    def time_in_range(self) -> float | None:
        """Share of its life with the price inside it."""
        life_ns = self.ended_ns - self.opened_ns
        return self.books["in_range_ns"] / life_ns if life_ns > 0 else None


class Outcome(NamedTuple):
    """What became of a plan."""

    executed: bool
    reason: str
    gas_wei: int
    gas_value: int


class _Checked(NamedTuple):
    """What a plan's actions come to, in their order: positions burned, liquidity minted."""

    burned: list[list[OwnedPosition]]
    minted: list[int]


class PlanReverted(Exception):  # noqa: N818 - the chain's own word
    """A transaction failed on chain; nothing but its gas is gone."""


class LpLeg:
    """Our positions: opens, closes and reads them through a driver, and books every step."""

    def __init__(
        self,
        pair: TokenPair,
        driver: Driver,
        book: Book,
        gas: GasTable,
        gas_price: GasPrice,
        native: NativePrice,
    ) -> None:
        self._pair = pair
        self._driver = driver
        self._book = book
        self._gas_overhead = gas.overhead
        self._gas_units: dict[type[Action], int] = {
            Mint: gas.mint,
            Burn: gas.exit,
            Swap: gas.swap,
        }
        self._gas_price = gas_price
        self._native = native
        self._live: list[OwnedPosition] = []
        self.history: list[OwnedPosition] = []

    @property
    def live(self) -> tuple[OwnedPosition, ...]:
        """The open positions."""
        return tuple(self._live)

    @property
    def holdings(self) -> tuple[int, int]:
        """Raw (base, quote) of wallet, positions and uncollected fees."""
        base, quote = self._driver.holdings
        return self._book.wallet_base + base, self._book.wallet_quote + quote

    def views(self) -> tuple[PositionView, ...]:
        """Return the open positions as the core sees them."""
        views = []
        for own in self._live:
            _, _, fees0, fees1 = self._driver.amounts(own.slot)
            views.append(PositionView(own.tick_lower, own.tick_upper, own.liquidity, fees0, fees1))
        return tuple(views)

    def execute(self, plan: Plan) -> Outcome:
        """Carry out a plan at the driver's present state."""
        self._book.mark_to(self._driver.mark)
        try:
            checked = self._check(plan)
        except PlanReverted as error:
            return self._pay(plan, executed=False, reason=str(error))
        burned, minted = iter(checked.burned), iter(checked.minted)
        for action in plan.actions:
            if isinstance(action, Burn):
                for own in next(burned):
                    self._close(own)
            elif isinstance(action, Mint):
                # At the price of the check: a plan that swaps leaves the mints to the next one.
                self._open(action, next(minted))
            elif isinstance(action, Swap):
                self._swap(action)
        return self._pay(plan, executed=True, reason=plan.reason.value)

    def finish(self) -> None:
        """Write down the open positions' books and value them at the end."""
        self._book.mark_to(self._driver.mark)
        for own in self._live:
            self._write_down(own, self._driver.read(own.slot))

    def _check(self, plan: Plan) -> _Checked:
        """Return what the plan's burns and mints are at the present state.

        Raises
        ------
        PlanReverted
            Where the position manager or the router would revert.
        """
        price = self._driver.sqrt_price_x96
        checked = _Checked([], [])
        wallet0, wallet1 = self._pair.split(self._book.wallet_base, self._book.wallet_quote)
        for action in plan.actions:
            if isinstance(action, Burn):
                matching = self._matching(action)
                for own in matching:
                    paid0, paid1, fees0, fees1 = self._driver.amounts(own.slot)
                    if paid0 < action.amount0_min or paid1 < action.amount1_min:
                        raise PlanReverted("Price slippage check (decrease)")
                    wallet0 += paid0 + fees0
                    wallet1 += paid1 + fees1
                checked.burned.append(matching)
            elif isinstance(action, Mint):
                liquidity, needed0, needed1 = self._mint_amounts(action, price)
                if liquidity == 0:
                    raise PlanReverted("mint of no liquidity")
                if needed0 < action.amount0_min or needed1 < action.amount1_min:
                    raise PlanReverted("Price slippage check (mint)")
                if needed0 > wallet0 or needed1 > wallet1:
                    raise PlanReverted("STF")
                wallet0 -= needed0
                wallet1 -= needed1
                checked.minted.append(liquidity)
            elif isinstance(action, Swap):
                amount0, amount1 = self._swap_amounts(action)
                wallet0 -= amount0
                wallet1 -= amount1
        return checked

    def _swap_amounts(self, action: Swap) -> tuple[int, int]:
        try:
            amounts = self._driver.quote(action.zero_for_one, action.amount_in)
        except Revert as error:
            raise PlanReverted(f"swap: {error.reason}") from error
        if -min(amounts) < action.amount_out_min:
            raise PlanReverted("Too little received")
        return amounts

    @staticmethod
    def _mint_amounts(action: Mint, price: int) -> tuple[int, int, int]:
        """Liquidity and amounts (rounded up, as the pool takes them) of a mint at a price.

        Amounts are rounded up by one unit unless they are all that was offered, or nothing.
        """
        wanted0, wanted1 = action.amount0_desired, action.amount1_desired
        liquidity, amount0, amount1 = mint_amounts(
            price, action.tick_lower, action.tick_upper, wanted0, wanted1
        )
        taken0 = amount0 + (0 < amount0 < wanted0)
        taken1 = amount1 + (0 < amount1 < wanted1)
        return liquidity, taken0, taken1

    def _matching(self, action: Burn) -> list[OwnedPosition]:
        found = []
        liquidity = 0
        for own in self._live:
            if own.tick_lower == action.tick_lower and own.tick_upper == action.tick_upper:
                found.append(own)
                liquidity += own.liquidity
        if liquidity != action.liquidity:
            raise Corrupt(
                f"plan burns {action.liquidity} of [{action.tick_lower}, {action.tick_upper}), "
                f"open there: {liquidity}"
            )
        return found

    def _swap(self, action: Swap) -> None:
        amounts = self._driver.swap(action.zero_for_one, action.amount_in)
        base, quote = self._pair.join(*amounts)
        self._book.mark_to(self._driver.mark)
        self._book.swap_wallet(-base, -quote)

    def _open(self, action: Mint, liquidity: int) -> None:
        slot, amount0, amount1 = self._driver.open(action.tick_lower, action.tick_upper, liquidity)
        base, quote = self._pair.join(amount0, amount1)
        put0, put1, _, _ = self._driver.amounts(slot)
        try:
            self._book.open_position(base, quote, *self._pair.join(put0, put1))
        except Imbalance as error:
            raise Corrupt(str(error)) from error
        own = OwnedPosition(
            number=len(self.history) + 1,
            slot=slot,
            tick_lower=action.tick_lower,
            tick_upper=action.tick_upper,
            liquidity=liquidity,
            opened_ns=self._driver.ts_ns,
            deposit_base=base,
            deposit_quote=quote,
            opening_mark=self._book.mark,
        )
        self._live.append(own)
        self.history.append(own)

    def _close(self, own: OwnedPosition) -> None:
        books, amount0, amount1 = self._driver.close(own.slot)
        base, quote = self._pair.join(amount0, amount1)
        self._book.close_position(base, quote, books)
        self._write_down(own, books)
        own.closed_ns = own.ended_ns
        self._live.remove(own)

    def _write_down(self, own: OwnedPosition, books: PositionBooks) -> None:
        own.books = books
        own.ended_ns = self._driver.ts_ns
        own.closing_mark = self._book.mark

    def _pay(self, plan: Plan, *, executed: bool, reason: str) -> Outcome:
        units = self._gas_overhead
        for action in plan.actions:
            units += self._gas_units.get(type(action), 0)
        wei = units * self._gas_price.price_at(self._driver.ts_ns)
        value = self._native.value(wei, self._book.mark)
        self._book.pay_gas(value)
        return Outcome(executed, reason, wei, value)
