"""Where the hedge is traded, and what the strategy may never exceed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alp.strategy.fields import (
    Amount,
    Contradiction,
    Duration,
    Exact,
    Fraction,
    Label,
    PositiveAmount,
    PositiveBps,
    PositiveDuration,
    Section,
)
from alp.strategy.pool import SecretRef
from alp.strategy.units import MILLISECOND


class Credentials(Section):
    """Keys of an account, by reference."""

    secret_ref: SecretRef
    """The secret that holds the account's keys. Only live mode reads it."""


class OrderSize(Section):
    """Bounds of one order."""

    min_base: Annotated[Amount, Field(json_schema_extra={"x-unit": "base"})] = Decimal(0)
    """Smaller deviations wait until they are this large. The venue's own minimum holds as well."""
    max_base: PositiveAmount | None = Field(default=None, json_schema_extra={"x-unit": "base"})
    """The most that one order shows. By default whatever the limits allow."""

    @model_validator(mode="after")
    def _ordered(self) -> OrderSize:
        if self.max_base is not None and self.min_base > self.max_base:
            raise Contradiction(
                {"minBase": f"{self.min_base} is more than maxBase, {self.max_base}"}
            )
        return self


EndpointUrl = Annotated[str, Field(max_length=200, strict=True)]


class Endpoints(Section):
    """Where an exchange is reached, other than at its public addresses."""

    rest: Annotated[EndpointUrl, Field(pattern=r"^https?://[^\s@?#]+$")] | None = None
    """Base URL of its REST interface."""
    stream: Annotated[EndpointUrl, Field(pattern=r"^wss?://[^\s@?#]+$")] | None = None
    """Base URL of its WebSocket market data."""
    orders: Annotated[EndpointUrl, Field(pattern=r"^wss?://[^\s@?#]+$")] | None = None
    """Base URL of its private WebSockets: orders, fills, balances. By default that of `stream`,
    where one is given."""


class MarketData(Section):
    """What the quote server publishes of each venue, and how often."""

    depth_levels: Annotated[
        int, Field(ge=0, le=1000, strict=True, json_schema_extra={"x-unit": "levels"})
    ] = 10
    """Levels of each side in a depth message; 0 publishes none."""
    quote_interval: Duration = 0
    """At most one best bid and ask in so long, always the newest. 0s publishes every change."""
    depth_interval: Duration = 100 * MILLISECOND
    """At most one depth message in so long, always the newest. 0s publishes every change."""
    trades: Annotated[bool, Field(strict=True)] = True
    """Whether every trade is published."""


class Routing(Section):
    """Which of several accounts gets what of an order, and how dear taking may be."""

    policy: Literal["bestPrice", "inventory", "share"] = "bestPrice"
    """`bestPrice` goes where the price after fees is best; `inventory` as well, but leans away from
    positions that are near their limit; `share` divides what rests by `venues[].share`. What is
    taken goes by price after fees under all of them."""
    lean_bps: Annotated[PositiveBps, Field(le=1000)] = 10
    """`inventory` only: a venue whose position is at its limit counts as so much dearer for more of
    it, and as so much cheaper for less; in between in proportion."""
    max_slippage_bps: Annotated[PositiveBps, Field(le=10_000)] = 20
    """Nothing is taken at a price further than this from the mid of the books; an order that is
    larger than what is offered there is cut to it."""


class Execution(Section):
    """How orders are sent and looked after. The same for every account of the strategy."""

    orders_per_second: Annotated[
        int, Field(ge=1, le=1000, strict=True, json_schema_extra={"x-unit": "orders/s"})
    ] = 10
    """New orders and amends in the long run; cancels always leave."""
    burst: Annotated[
        int, Field(ge=1, le=1000, strict=True, json_schema_extra={"x-unit": "orders"})
    ] = 20
    """As many may leave at once."""
    duplicate_window: Duration = 0
    """An order like one sent within this time, in side, price and quantity, is refused. 0s allows
    it: a ladder that is withdrawn and comes back looks the same."""
    fill_burst: Annotated[
        int, Field(ge=1, le=64, strict=True, json_schema_extra={"x-unit": "fills"})
    ] = 32
    """After so many fills of one side within `fillWindow` that side is off until they are older."""
    fill_window: PositiveDuration = 1000 * MILLISECOND
    """See `fillBurst`."""
    collar_burst: Annotated[
        int, Field(ge=1, le=1000, strict=True, json_schema_extra={"x-unit": "orders"})
    ] = 10
    """After so many different orders beyond `limits.priceCollarBps` within a minute only what
    lowers the exposure leaves, until they are fewer."""
    max_clock_offset: PositiveDuration = 500 * MILLISECOND
    """Nothing rests while the machine's clock is further than this from the venue's."""
    min_move_ticks: Annotated[
        int, Field(ge=1, le=10_000, strict=True, json_schema_extra={"x-unit": "ticks"})
    ] = 1
    """An order stays where it is while its price should move by less than this."""
    quote_age: PositiveDuration = 5000 * MILLISECOND
    """Orders are cancelled when what they should be was not confirmed for so long."""
    stop_within: PositiveDuration = 10_000 * MILLISECOND
    """How long cancelling everything may take when the process is stopped."""
    routing: Routing = Routing()
    """Which account gets what of an order."""


class Venue(Section):
    """An account on an exchange that quotes the pair passively."""

    name: Label
    """What you call it; unique in the list."""
    exchange: Literal[
        "binance-spot", "binance-usdm", "coinbase-spot", "kraken-spot", "kraken-futures"
    ]
    """The exchange and market."""
    symbol: Annotated[str, Field(pattern=r"^[A-Za-z0-9/_:.-]+$", max_length=40, strict=True)]
    """The instrument as the exchange writes it: `ETHUSDC`, `ETH-USDC`, `ETH/USDC`, `PF_ETHUSD`."""
    endpoints: Endpoints = Endpoints()
    """Other addresses than the exchange's public ones."""
    credentials: Credentials | None = None
    """The account's keys; required in live mode."""
    order: OrderSize = OrderSize()
    """Bounds of one order."""
    tick_size: PositiveAmount | None = Field(default=None, json_schema_extra={"x-unit": "quote"})
    """Smallest price step. By default what the venue, or the recorded data, says."""
    lot_size: PositiveAmount | None = Field(default=None, json_schema_extra={"x-unit": "base"})
    """Smallest quantity step. By default what the venue, or the recorded data, says."""
    maker_fee_bps: Annotated[Exact, Field(json_schema_extra={"x-unit": "bps"})] = Decimal(0)
    """Fee of a passive fill on its notional; negative is a rebate. Fractions are quoted: "1.8"."""
    taker_fee_bps: Annotated[Exact, Field(json_schema_extra={"x-unit": "bps"})] = Decimal(5)
    """Fee of an aggressive fill on its notional."""
    share: Fraction | None = None
    """This venue's part of the hedge. All shares add up to 1; venues without one share the rest
    equally."""

    @model_validator(mode="after")
    def _fees_plausible(self) -> Venue:
        faults = {
            field: f"{fee} is outside -100 to 1000; 1 % is 100 bps"
            for field, fee in (
                ("makerFeeBps", self.maker_fee_bps),
                ("takerFeeBps", self.taker_fee_bps),
            )
            if not -100 <= fee <= 1000
        }
        if faults:
            raise Contradiction(faults)
        return self

    @property
    def account(self) -> str:
        """What its account is called in journals, folders, logs and client ids.

        Venues of one exchange with the same keys are one account.
        """
        if self.credentials is None:
            return f"{self.exchange}-{self.name}"
        secret = self.credentials.secret_ref
        entry = "" if secret.key is None else f".{secret.key}"
        return f"{self.exchange}-{secret.name}{entry}"

    def is_account_of(self, other: Venue) -> bool:
        """Whether another venue is the same account: one place, one set of keys."""
        if self.credentials is None or other.credentials is None:
            return self.name == other.name
        mine = self.exchange, self.endpoints, self.credentials
        return mine == (other.exchange, other.endpoints, other.credentials)


class Limits(Section):
    """What may never be exceeded, whatever the model wants. Live mode needs all of them."""

    max_net_base: PositiveAmount | None = Field(default=None, json_schema_extra={"x-unit": "base"})
    """Largest deviation from the target over LP position, wallet and venues together."""
    max_venue_base: PositiveAmount | None = Field(
        default=None, json_schema_extra={"x-unit": "base"}
    )
    """Largest position on one venue, open orders at their worst included."""
    max_order_notional: PositiveAmount | None = Field(
        default=None, json_schema_extra={"x-unit": "quote"}
    )
    """Largest value of one order."""
    price_collar_bps: PositiveBps = 100
    """No order and no swap further than this from the reference price."""
    max_drawdown_bps: Annotated[PositiveBps, Field(le=10_000)] | None = None
    """Stops the strategy when its value falls by this much from its highest."""
    max_data_age: PositiveDuration = 500 * MILLISECOND
    """Quotes are pulled when the newest market data is older than this."""
