"""How venues are quoted: what the market maker makes of the model's prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from alp.strategy.fields import (
    Amount,
    Bps,
    Duration,
    Fraction,
    Number,
    PositiveNumber,
    Section,
    ShareBps,
)


class Quoting(Section):
    """What rests at the venues: levels, sizes, and what moves the fair value.

    Prices are `spec.model`'s for the combined inventory; sizes are `model.orderSizeBase`, within
    each venue's `order`.
    """

    levels: Annotated[int, Field(ge=1, le=16, strict=True)] = Field(
        default=1, json_schema_extra={"x-unit": "levels"}
    )
    """Orders of a side."""
    level_step_bps: Bps = 1
    """Distance between two levels; at least a tick."""
    level_step_share: Number = 0.0
    """The same as a share of the half spread at no inventory, where that is more."""
    level_size_factor: PositiveNumber = 1.0
    """Each level is so many times as large as the one before it."""
    asymmetry_bps: ShareBps = 0
    """At the inventory limit the side that adds is smaller by this share, and the other larger."""
    spread_factor: PositiveNumber = 1.0
    """Multiplies the model's half spread at no inventory."""
    skew_factor: PositiveNumber = 1.0
    """Multiplies what inventory adds to the model's distances."""
    least_edge_bps: Annotated[Number, Field(json_schema_extra={"x-unit": "bps"})] = 0.0
    """What each side earns at least beyond the venue's maker fee."""
    microprice_weight: Fraction = Decimal(0)
    """How far the fair value leans from the mid towards the microprice, which the sizes at the
    touch weigh."""
    drift_horizon: Duration = 0
    """How far ahead the short-horizon drift of the mid moves the fair value."""
    max_shift_bps: Bps = 20
    """Both together move the fair value by no more than this."""
    touch: Literal["inside", "join"] = "inside"
    """`join` is never in front of the best of its own side; `inside` up to a tick from the
    other."""
    inventory_hysteresis_base: Annotated[Amount, Field(json_schema_extra={"x-unit": "base"})] = (
        Decimal(0)
    )
    """Quotes stay while inventory changed by no more than this and prices by less than
    `execution.minMoveTicks`."""
