"""A desk of two products and an LP leg, and a market for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from alp.models.basis import MonitorRules
from alp.models.caution_ladder import Bounds
from alp.models.desk import (
    BookState,
    DeskInstrument,
    Event,
    Gated,
    GateState,
    Held,
    LpHeld,
    PoolPrice,
    Tick,
    Top,
    Traded,
    Wish,
)
from alp.models.maker import CalibrationParameters, InputAges, MakerParameters
from alp.models.pair import TokenPair
from alp.models.quoting import Intensity
from alp.models.quoting_desk import QuotingDesk
from alp.models.quoting_rules import HedgeRules, QuotedProduct, QuotingRules
from alp.models.recipe import ModelKind, QuotingRecipe

SECOND = 10**9
STEP = SECOND // 10
BEGIN = 1_700_000_000 * SECOND
ETHER = 10**18
LOT_RAW = 10**15
PAIR = TokenPair("WETH", "USDC", 18, 6, False, 500, 10)
RECIPE = QuotingRecipe(ModelKind.GLFT, 0.5, Intensity(0.9, 30.0), 4.0, 0.2)
POOL = PAIR.price_to_sqrt_x96(Decimal(2000))
BASIS = MonitorRules(Bounds(20, 50, 100), half_life_ns=0, dwell_ns=SECOND, max_age_ns=5 * SECOND)


def product(index: int, **changes: Any) -> QuotedProduct:
    instrument = DeskInstrument(
        index, f"venue-{index}", "binance-usdm", "ETHUSDC", Decimal("0.01"), Decimal("0.001")
    )
    maker = MakerParameters(
        RECIPE,
        instrument.tick_size,
        instrument.lot_size,
        changes.pop("level_lots", (200, 200)),
        ages=InputAges(book=SECOND, inventory=5 * SECOND, pool=changes.pop("pool", 60 * SECOND)),
        **{name: changes.pop(name) for name in ("maker_fee_bps",) if name in changes},
    )
    return QuotedProduct(
        instrument,
        maker,
        CalibrationParameters(window=600, least_samples=20, refit_every=10),
        measured=False,
        **{"share_ppm": 500_000, "most_lots": 10_000, **changes},
    )


def rules(**changes: Any) -> QuotingRules:
    hedge = changes.pop("hedge", HedgeRules(PAIR, 1.0, basis=BASIS))
    return QuotingRules(
        **{
            "products": (product(0), product(1)),
            "base_decimals": 18,
            "hedge": hedge,
            "most_net_raw": 4 * ETHER,
            **changes,
        }
    )


class World:
    """Tells a desk a market that moves a little, and keeps what it says."""

    def __init__(self, made: QuotingRules | None = None, seed: int = 1) -> None:
        self.desk = QuotingDesk(made or rules())
        self.products = [each.instrument.index for each in self.desk.rules.products]
        self.random = np.random.default_rng(seed)
        self.now = BEGIN
        self.bid = dict.fromkeys(self.products, 199_999)
        self.held = dict.fromkeys(self.products, 0)
        self.delta = 0
        self.said: list[Wish] = []

    def tell(self, *events: Event) -> list[Wish]:
        found = [wish for event in events for wish in self.desk.on(event)]
        self.said += found
        return found

    def begin(self) -> World:
        """Everything is heard, and sigma measured."""
        for index in self.products:
            self.tell(BookState(index, self.now, True))
        self.go(40)
        return self

    def events(self) -> list[Event]:
        """What is heard within one step, the tick last."""
        now = self.now
        found: list[Event] = [
            LpHeld(now, 5 * ETHER, 10_000 * 10**6, self.delta, 1, 1),
            PoolPrice(now, POOL),
        ]
        for index in self.products:
            self.bid[index] += int(self.random.integers(-1, 2))
            bid, bought = self.bid[index], int(self.random.integers(0, 2)) * 2 - 1
            found += [
                Top(index, now, bid, 500, bid + 2, 700),
                Traded(index, now, bid + 1 + bought, 3, bought),
                Held(index, now, self.held[index]),
                Gated(index, now, GateState.ACTIVE),
            ]
        return [*found, Tick(now)]

    def go(self, steps: int = 1) -> list[Wish]:
        found = []
        for _ in range(steps):
            self.now += STEP
            found += self.tell(*self.events())
        return found

    def last(self, index: int) -> Wish:
        return next(wish for wish in reversed(self.said) if wish.instrument == index)
