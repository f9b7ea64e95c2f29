"""What a decision of the market maker says for itself: a record to keep, and sentences to read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from alp._core.maker import Bound, MakerView, WantedQuote


def as_record(view: MakerView) -> dict[str, Any]:
    """Return a decision as plain values that any JSON keeps exactly; `from_record` reads them."""
    return {
        "number": view.number,
        "bids": [list(quote) for quote in view.bids],
        "asks": [list(quote) for quote in view.asks],
        "bound": int(view.bound),
        "best": list(view.best),
        "step": view.step,
        "least_spread": view.least_spread,
        "inputs": _without_nan(view.inputs),
        "terms": _without_nan(view.terms),
    }


def from_record(record: Mapping[str, Any]) -> MakerView:
    """Return the decision that `as_record` made plain.

    Raises
    ------
    KeyError
        If the record is not of a decision.
    """
    bid, ask = record["best"]
    return MakerView(
        number=record["number"],
        bids=tuple(WantedQuote(*quote) for quote in record["bids"]),
        asks=tuple(WantedQuote(*quote) for quote in record["asks"]),
        bound=Bound(record["bound"]),
        best=(bid, ask),
        step=record["step"],
        least_spread=record["least_spread"],
        inputs=_with_nan(record["inputs"]),
        terms=_with_nan(record["terms"]),
    )


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN; what is not known yet is null there."""
    return {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124


def _with_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in values.items()}


_SAYINGS = {
    Bound.STALE_BOOK: "the book is too old",
    Bound.STALE_INVENTORY: "the venues' positions are too old",
    Bound.STALE_POOL: "the LP leg is too old",
    Bound.STALE_CALIBRATION: "A, k and sigma were not measured for too long",
    Bound.STALE_DRIFT: "the drift is too old",
    Bound.NO_BOOK: "a side of the book is empty",
    Bound.CROSSED_BOOK: "the book is crossed",
    Bound.UNCALIBRATED: "A, k or sigma is not known",
    Bound.OUT_OF_DOMAIN: "the model gives no price for these inputs",
    Bound.SUSPENDED: "quoting is suspended",
    Bound.SHIFT_CAPPED: "the fair value's shift was cut to mostShift",
    Bound.MIN_SPREAD: "the model's spread was less than fees and edge: widened to them",
    Bound.WIDENED: "the spread was widened from outside",
    Bound.SPREAD_RESTORED: "rounding brought the sides too near: the ask moved away",
    Bound.BID_AT_TOUCH: "the bid stops at the touch",
    Bound.ASK_AT_TOUCH: "the ask stops at the touch",
    Bound.BID_NOT_ALLOWED: "bids are not allowed",
    Bound.ASK_NOT_ALLOWED: "asks are not allowed",
    Bound.BID_INVENTORY: "the inventory limit cut the bids",
    Bound.ASK_INVENTORY: "the inventory limit cut the asks",
    Bound.BID_ROOM: "what may be open at the venue cut the bids",
    Bound.ASK_ROOM: "what may be open at the venue cut the asks",
    Bound.BID_TOO_SMALL: "a bid was less than the least order",
    Bound.ASK_TOO_SMALL: "an ask was less than the least order",
    Bound.BID_CAPPED: "a bid was cut to the greatest order",
    Bound.ASK_CAPPED: "an ask was cut to the greatest order",
    Bound.BID_COLLAR: "a bid was too far from mid",
    Bound.ASK_COLLAR: "an ask was too far from mid",
    Bound.BID_KEPT: "the bids of before stay: they are near enough",
    Bound.ASK_KEPT: "the asks of before stay: they are near enough",
}


def reasons(bound: Bound) -> list[str]:
    """Return a sentence for each thing that shaped a decision."""
    return [f"{bit.name}: {saying}" for bit, saying in _SAYINGS.items() if bit in bound]


def explain(view: MakerView) -> list[str]:
    """Return a decision as lines: what is quoted, the inputs, the terms, what bound."""
    given, terms = view.inputs, view.terms
    names = ("book", "inventory", "pool", "calibration", "drift")
    ages = ", ".join(
        f"{name} {(given['now_ns'] - stamp) / 1e6:.3f} ms" if stamp else f"{name} never"
        for name, stamp in zip(names, given["stamp_ns"], strict=True)
    )
    lines = [
        f"decision {view.number} at {given['now_ns']} ns",
        f"  book         {given['bid']} x {given['bid_lots']} | "
        f"{given['ask']} x {given['ask_lots']}",
        f"  inventory    {given['inventory']} lots; room to buy {given['room'][0]}, "
        f"to sell {given['room'][1]}",
        f"  calibration  A {given['scale']:.6g}/s, k {given['decay']:.6g}/tick, "
        f"sigma {given['sigma']:.6g} ticks/sqrt(s), drift {given['drift']:.6g} ticks/s",
        f"  ages         {ages}",
    ]
    if terms["fair"]:
        lines += [
            f"  fair value   {terms['fair']:.4f} = mid {terms['mid']:.4f} "
            f"{terms['shift']:+.4f} (imbalance {terms['imbalance']:+.3f})",
            f"  reservation  {terms['reservation']:.4f} = fair "
            f"{terms['reservation'] - terms['fair']:+.4f} "
            f"({terms['position']:+.3f} orders at {terms['skew']:.6g} each)",
            f"  half spread  {terms['half']:.4f}: model {terms['model_half']:.4f}, "
            f"least {terms['least_half']:.4f}, fee {terms['fee']:.4f}",
            f"  unrounded    {terms['raw'][0]:.4f} | {terms['raw'][1]:.4f}",
        ]
    for name, ladder in (("bids", view.bids), ("asks", view.asks)):
        quotes = ", ".join(f"{quote.price} x {quote.lots}" for quote in ladder)
        lines.append(f"  {name}         {quotes or 'none'}")
    lines += [f"  {reason}" for reason in reasons(view.bound)]
    return lines
