"""What is traded with what: the pool, its tokens, the starting inventory, the wallet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from alp.errors import ConfigError
from alp.models.pair import TokenPair
from alp.strategy.fields import (
    DNS_SUBDOMAIN_PATTERN,
    Address,
    Amount,
    Contradiction,
    Label,
    Section,
    ShareBps,
)
from alp.strategy.networks import NETWORKS, TICK_SPACING, TOKENS, Network, pool_address
from alp.strategy.suggest import did_you_mean
from alp.strategy.units import write_decimal

Symbol = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.]*$", min_length=1, max_length=20, strict=True)
]


class SecretRef(Section):
    """Names a secret; a manifest never holds one."""

    name: Annotated[str, Field(pattern=DNS_SUBDOMAIN_PATTERN, max_length=253, strict=True)]
    """The secret's name: a Kubernetes Secret of the same namespace, or a local secret folder."""
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253, strict=True)] | None = (
        None
    )
    """Which entry of the secret; by default all of its entries are handed over."""


class Token(Section):
    """A token that alp does not know by its symbol alone."""

    symbol: Symbol
    """The name that `spec.pool.base` or `spec.pool.quote` uses; it overrides a known token."""
    decimals: Annotated[int, Field(ge=0, le=36, strict=True)]
    """Decimal places of one whole token, as its contract's `decimals()` says."""
    address: Address | None = None
    """The token's contract; without it the pool cannot be derived, and `baseIsToken0` is needed."""


class Pool(Section):
    """The Uniswap V3 pool. Its address and token order are derived, never trusted from input."""

    chain: Label
    """A known chain (`ethereum`, `optimism`, `polygon`, `base`, `arbitrum`), or another one of
    which `chainId` is given."""
    base: Symbol
    """The risky token: inventory, limits and order sizes are counted in it."""
    quote: Symbol
    """The money: prices are quote per base, results are in quote."""
    fee_tier: Literal[100, 500, 3000, 10000] = Field(json_schema_extra={"x-unit": "pips (1e-6)"})
    """The pool's fee in hundredths of a basis point, as the factory counts it: 500 is 5 bps,
    3000 is 30 bps. It fixes the tick spacing too."""
    address: Address | None = None
    """The pool's address, if you want it checked: it must be the one the factory derives."""
    tokens: Annotated[tuple[Token, ...], Field(max_length=8)] = ()
    """Tokens whose address alp does not know, or knows differently."""
    base_is_token0: Annotated[bool, Field(strict=True)] | None = None
    """The order of the two tokens in the pool. Derived from their addresses; give it only where
    an address is unknown."""
    chain_id: Annotated[int, Field(ge=1, le=2**53, strict=True)] | None = None
    """EIP-155 id of a chain that alp does not know."""
    factory: Address | None = None
    """The Uniswap V3 factory on a chain that alp does not know."""

    @model_validator(mode="after")
    def _consistent(self) -> Pool:
        faults = self._network_faults() | self._token_faults()
        if not faults:
            faults = self._derivation_faults()
        if faults:
            raise Contradiction(faults)
        return self

    def _network_faults(self) -> dict[str, str]:
        known = NETWORKS.get(self.chain)
        if known is None and self.chain_id is None:
            near = did_you_mean(self.chain, NETWORKS)
            return {
                "chain": f"{self.chain!r} is not a chain alp knows{near}; known: "
                f"{', '.join(sorted(NETWORKS))}; for another one give chainId and factory too"
            }
        faults = {}
        if known is not None and self.chain_id not in (None, known.chain_id):
            faults["chainId"] = f"{self.chain_id} is not {self.chain}, which is {known.chain_id}"
        if known is not None and self.factory not in (None, known.factory):
            faults["factory"] = f"{self.factory} is not {self.chain}'s, which is {known.factory}"
        return faults

    def _token_faults(self) -> dict[str, str]:
        faults = {}
        listed = [token.symbol for token in self.tokens]
        for index, symbol in enumerate(listed):
            if symbol in listed[:index]:
                faults[f"tokens[{index}].symbol"] = f"{symbol!r} is listed twice"
            elif symbol not in (self.base, self.quote):
                faults[f"tokens[{index}].symbol"] = (
                    f"{symbol!r} is neither base ({self.base}) nor quote ({self.quote})"
                )
        if self.base == self.quote:
            faults["quote"] = f"{self.quote!r} is the base token too"
        known = TOKENS.get(self.chain, {})
        for role, symbol in (("base", self.base), ("quote", self.quote)):
            if symbol not in known and symbol not in listed:
                near = did_you_mean(symbol, known)
                choice = f"; known: {', '.join(sorted(known))}" if known else ""
                faults[role] = (
                    f"{symbol!r} is not a token alp knows on {self.chain}{near}{choice}; list any "
                    "other with address and decimals in spec.pool.tokens"
                )
        return faults

    def _derivation_faults(self) -> dict[str, str]:
        faults = {}
        base, quote = self.base_token.address, self.quote_token.address
        if base is None or quote is None:
            if self.base_is_token0 is None:
                faults["baseIsToken0"] = (
                    "is required, because the address of "
                    f"{self.base if base is None else self.quote} is not known"
                )
        elif base == quote:
            faults["tokens"] = f"{self.base} and {self.quote} have the same address, {base}"
        elif self.base_is_token0 not in (None, int(base, 16) < int(quote, 16)):
            order = f"{base} is {'less' if int(base, 16) < int(quote, 16) else 'more'} than {quote}"
            faults["baseIsToken0"] = (
                f"{str(self.base_is_token0).lower()} contradicts the addresses: {order}"
            )
        if self.address is not None and not faults:
            derived = self.derived_address()
            if derived is None:
                faults["address"] = "cannot be checked: a token's address or the factory is unknown"
            elif derived != self.address:
                faults["address"] = (
                    f"{self.address} is not the {self.base}/{self.quote} pool of fee tier "
                    f"{self.fee_tier} on {self.chain}, which is {derived}"
                )
        return faults

    @property
    def network(self) -> Network:
        """The chain, known or described by the manifest."""
        known = NETWORKS.get(self.chain)
        if known is not None:
            return known
        assert self.chain_id is not None
        return Network(self.chain, self.chain_id, "ETH", "WETH", self.factory)

    @property
    def base_token(self) -> Token:
        """The base token with its decimals and, where known, its address."""
        return self._token(self.base)

    @property
    def quote_token(self) -> Token:
        """The quote token with its decimals and, where known, its address."""
        return self._token(self.quote)

    def _token(self, symbol: str) -> Token:
        for token in self.tokens:
            if token.symbol == symbol:
                return token
        address, decimals = TOKENS[self.chain][symbol]
        return Token.model_validate({"symbol": symbol, "address": address, "decimals": decimals})

    @property
    def tick_spacing(self) -> int:
        """Usable ticks are the multiples of it."""
        return TICK_SPACING[self.fee_tier]

    @property
    def base_is_native(self) -> bool:
        """Whether the base token is the wrapped form of the token that pays gas."""
        return self.base == self.network.wrapped

    def derived_address(self) -> str | None:
        """Return the pool's CREATE2 address, or None where a token or the factory is unknown."""
        base, quote = self.base_token.address, self.quote_token.address
        factory = self.network.factory
        if base is None or quote is None or factory is None:
            return None
        return pool_address(factory, base, quote, self.fee_tier)

    def pair(self) -> TokenPair:
        """Return the two tokens with their decimals, order, fee and tick spacing."""
        base, quote = self.base_token, self.quote_token
        if base.address is not None and quote.address is not None:
            base_is_token0 = int(base.address, 16) < int(quote.address, 16)
        else:
            assert self.base_is_token0 is not None
            base_is_token0 = self.base_is_token0
        return TokenPair(
            base_symbol=base.symbol,
            quote_symbol=quote.symbol,
            base_decimals=base.decimals,
            quote_decimals=quote.decimals,
            base_is_token0=base_is_token0,
            fee_pips=self.fee_tier,
            tick_spacing=self.tick_spacing,
        )


class Inventory(Section):
    """What the strategy starts with, and what it wants to hold."""

    base: Amount = Field(json_schema_extra={"x-unit": "base"})
    """Base tokens at the start."""
    quote: Amount = Field(json_schema_extra={"x-unit": "quote"})
    """Quote tokens at the start."""
    target_base_share_bps: ShareBps = 5000
    """The share of the inventory's value to hold in base, in LP position, wallet and venues
    together. 5000 is half: neutral between the two."""
    gas: Amount | None = Field(default=None, json_schema_extra={"x-unit": "native token"})
    """Native tokens set aside for gas. Without it gas is a cost in quote that never runs out."""

    @model_validator(mode="after")
    def _not_empty(self) -> Inventory:
        if self.base == 0 and self.quote == 0:
            raise Contradiction({"quote": "0 and base 0 leave nothing to provide"})
        return self


class Wallet(Section):
    """The account that owns the positions, by reference."""

    secret_ref: SecretRef
    """The private key that signs transactions. Only live mode reads it."""
    rpc_secret_ref: SecretRef | None = None
    """The node's URL, where it contains a key."""


def exact_amounts(pool: Pool, inventory: Inventory) -> dict[str, str]:
    """Return the faults of amounts that are finer than their token (field -> what is wrong)."""
    pair = pool.pair()
    faults = {}
    for field, amount, to_raw, decimals in (
        ("base", inventory.base, pair.to_raw_base, pair.base_decimals),
        ("quote", inventory.quote, pair.to_raw_quote, pair.quote_decimals),
    ):
        try:
            to_raw(amount)
        except ConfigError:
            faults[f"inventory.{field}"] = (
                f"{write_decimal(amount)} is finer than the token, which has {decimals} decimals"
            )
    return faults
