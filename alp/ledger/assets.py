"""Assets: one unit for each, whoever holds it, and exact passage to and from decimal text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from alp.errors import ConfigError, DataError
from alp.ledger.accounts import MOST

VENUE_DECIMALS = 12
"""Of an asset that no chain fixes: finer than any venue's balances."""

_MOST_DECIMALS = 30
_LONGEST_NAME = 64
_LONGEST = 100
"""Digits before or behind the point."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset: its name, and N where one raw unit is 10^-N of it.

    A token that is also held at venues needs one N for both, so the larger: USDC has 6 on its
    chain and 12 here, WETH 18.

    Raises
    ------
    ConfigError
        If the name is empty or too long, or N is out of range.
    """

    name: str
    decimals: int = VENUE_DECIMALS

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= _LONGEST_NAME or not self.name.isprintable():
            raise ConfigError(f"{self.name!r} cannot name an asset")
        if not 0 <= self.decimals <= _MOST_DECIMALS:
            raise ConfigError(f"{self.name}: {self.decimals} decimals; 0 to {_MOST_DECIMALS}")

    def raw(self, amount: str | Decimal | int) -> int:
        """Return an amount in raw units, exactly.

        Raises
        ------
        DataError
            If it is not a number, too large, or finer than the ledger's unit.
        """
        top, bottom = _ratio(amount, f"amount of {self.name}")
        number, rest = divmod(top * 10**self.decimals, bottom)
        if rest:
            raise DataError(
                f"{amount} {self.name} is finer than the ledger's 10^-{self.decimals}",
                hint="a new ledger with more decimals of this asset can hold it",
            )
        return self.checked(number)

    def scaled(self, amount: int, decimals: int) -> int:
        """Return an amount of 10^-`decimals`, such as a token contract's, in the ledger's unit.

        Raises
        ------
        DataError
            If it is finer, or too large.
        """
        if decimals > self.decimals:
            number, rest = divmod(amount, 10 ** (decimals - self.decimals))
            if rest:
                raise DataError(f"{amount} of 10^-{decimals} {self.name}: finer than the ledger's")
            return self.checked(number)
        return self.checked(amount * 10 ** (self.decimals - decimals))

    def checked(self, amount: int) -> int:
        """Return an amount that a posting can hold.

        Raises
        ------
        DataError
            If it is too large.
        """
        if not -MOST <= amount <= MOST:
            raise DataError(f"{amount} raw units of {self.name}: more than 38 digits")
        return amount

    def text(self, amount: int) -> str:
        """Return raw units as a decimal number without an exponent, nothing rounded."""
        digits = f"{abs(amount):0{self.decimals + 1}d}"
        whole, part = digits[: len(digits) - self.decimals], digits[len(digits) - self.decimals :]
        part = part.rstrip("0")
        return f"{'-' if amount < 0 else ''}{whole}{'.' + part if part else ''}"


class Assets(Mapping[str, Asset]):
    """The asset table of a ledger, and what values are told in.

    Parameters
    ----------
    quote
        The asset of all values; its mark is one.
    others
        Further assets.

    Raises
    ------
    ConfigError
        If one name comes with two units.
    """

    def __init__(self, quote: Asset, others: tuple[Asset, ...] = ()) -> None:
        self.quote = quote
        self._table = {quote.name: quote}
        for each in others:
            if self._table.setdefault(each.name, each) != each:
                known = self._table[each.name]
                raise ConfigError(
                    f"{each.name} has {known.decimals} and {each.decimals} decimals",
                    hint="one asset has one unit, whoever holds it: the finer one",
                )

    def __getitem__(self, name: str) -> Asset:
        try:
            return self._table[name]
        except KeyError:
            raise DataError(
                f"the ledger knows no asset {name!r}",
                hint=f"known are {', '.join(self._table)}; add it when the ledger is opened",
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def mark_x96(self, name: str, price: str | Decimal) -> int:
        """Return the mark of an asset whose whole unit costs `price` whole units of the quote.

        The one rounding between a price and values, down to 2^-96 of a raw unit's value.

        Raises
        ------
        DataError
            If the price is no positive number.
        """
        numerator, denominator = _ratio(price, f"price of {name}")
        if numerator <= 0:
            raise DataError(f"{price} is no price of {name}", hint="a positive number")
        asset = self[name]
        scale, divisor = 10**self.quote.decimals, 10**asset.decimals
        return int((numerator * scale << 96) // (denominator * divisor))


def _ratio(value: str | Decimal | int, what: str) -> tuple[int, int]:
    """Return a decimal number as a fraction, whatever its precision."""
    try:
        number = None if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise DataError(f"{value!r} is no {what}", hint="a decimal number")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if (
        number
        and not -_LONGEST <= min(exponent, number.adjusted()) <= number.adjusted() <= _LONGEST
    ):
        raise DataError(f"{what}: a number of more than {_LONGEST} digits")
    return number.as_integer_ratio()
