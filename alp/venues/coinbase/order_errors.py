"""What Coinbase's failure reasons mean for a command.

Source: docs.cdp.coinbase.com, Advanced Trade "Create Order", "Edit Order", "Cancel Orders". A
reason of a preview means what it means without.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from alp._core.order_life import RejectReason
from alp.venues.order_facts import SECOND
from alp.venues.orders import Policy


class Meaning(NamedTuple):
    """What to do about a failure; of policy ``QUERY``, the command may have been done."""

    policy: Policy
    reason: RejectReason = RejectReason.OTHER
    retry_ns: int = 0


NOBODY_KNOWS = Meaning(Policy.QUERY)
NOT_TRUSTED = Meaning(Policy.HALT, RejectReason.AUTH)
TOO_MANY = Meaning(Policy.RETRY_AFTER, RejectReason.RATE, SECOND)
WRONG_REQUEST = Meaning(Policy.FIX_CONFIG)
LATER = Meaning(Policy.RETRY_AFTER, RejectReason.OTHER, SECOND)
_PAUSED = Meaning(Policy.PAUSE_SYMBOL, RejectReason.HALTED)
_POST_ONLY = Meaning(Policy.REQUOTE, RejectReason.POST_ONLY)
_PRICE = Meaning(Policy.FIX_CONFIG, RejectReason.PRICE_FILTER)
_SIZE = Meaning(Policy.FIX_CONFIG, RejectReason.SIZE_FILTER)
_NOTIONAL = Meaning(Policy.FIX_CONFIG, RejectReason.NOTIONAL_FILTER)
_UNKNOWN_ORDER = Meaning(Policy.RESYNC_STATE, RejectReason.UNKNOWN_ORDER)

REASONS: tuple[tuple[str, Meaning], ...] = (
    ("DUPLICATE_CLIENT_ORDER_ID", NOBODY_KNOWS),
    ("LIMIT_PRICE_POST_ONLY", _POST_ONLY),
    ("LIMIT_PRICE_POSTONLY", _POST_ONLY),
    ("INSUFFICIENT_FUND", Meaning(Policy.PAUSE_SIDE, RejectReason.BALANCE)),
    ("PRICE_PRECISION", _PRICE),
    ("SIZE_PRECISION", _SIZE),
    ("BASE_SIZE_TOO", _SIZE),
    ("QUOTE_SIZE_TOO", _NOTIONAL),
    ("PRICE_TOO_FAR_FROM_MARKET", Meaning(Policy.REQUOTE, RejectReason.PRICE_FILTER)),
    ("INVALID_LIMIT_PRICE", _PRICE),
    ("INVALID_EDITED_PRICE", _PRICE),
    ("INVALID_EDITED_SIZE", _SIZE),
    ("TO_BELOW_FILLED_SIZE", Meaning(Policy.RESYNC_STATE, RejectReason.SIZE_FILTER)),
    ("ORDER_NOT_FOUND", _UNKNOWN_ORDER),
    ("ONLY_OPEN_ORDERS_CAN_BE_EDITED", _UNKNOWN_ORDER),
    ("UNSUPPORTED_ORDER_CONFIGURATION", WRONG_REQUEST),
    ("ONLY_LIMIT_ORDER_EDITS_SUPPORTED", WRONG_REQUEST),
    ("INVALID_PRODUCT_ID", WRONG_REQUEST),
    ("INVALID_SIDE", WRONG_REQUEST),
    ("TRADING_DISABLED", _PAUSED),
    ("CANCEL_ONLY", _PAUSED),
    ("VIEW_ONLY", _PAUSED),
    ("AUCTION_MODE", _PAUSED),
    ("COMMANDER_REJECTED", LATER),
    ("PERMISSION_DENIED", NOT_TRUSTED),
    ("UNAUTHORIZED", NOT_TRUSTED),
    ("RATE_LIMIT", TOO_MANY),
)
"""What a reason holds -> its meaning, the first that fits."""
CANCELS: dict[str, Meaning] = {
    "UNKNOWN_CANCEL_ORDER": _UNKNOWN_ORDER,
    "ORDER_IS_FULLY_FILLED": _UNKNOWN_ORDER,
    "INVALID_CANCEL_REQUEST": WRONG_REQUEST,
    "COMMANDER_REJECTED_CANCEL_ORDER": LATER,
}
"""Why an order was not canceled -> its meaning; all others leave the cancel's end open."""
ALREADY_ASKED = "DUPLICATE_CANCEL_REQUEST"
"""An earlier cancel is queued: as good as this one."""


def meaning_of(reasons: Iterable[str]) -> tuple[str, Meaning]:
    """Return the most telling of the reasons given for one failure, and what it means.

    Where none says more than that it failed the end is open; one that alp does not know is a
    refusal all the same.
    """
    telling = [each for each in reasons if each and not each.startswith("UNKNOWN_")]
    for each in telling:
        for part, meaning in REASONS:
            if part in each.upper():
                return each, meaning
    if telling:
        return telling[0], Meaning(Policy.RESYNC_STATE)
    return "failed without a reason", NOBODY_KNOWS


def by_status(status: int, *, told: bool) -> Meaning | None:
    """Return what a status of HTTP means; None: it is no failure.

    Parameters
    ----------
    told
        Whether the body is an error in the venue's form.
    """
    if status in (0, 200):
        return None
    if status == 429:
        return TOO_MANY
    if status in (401, 403):
        return NOT_TRUSTED
    return WRONG_REQUEST if told and 400 <= status < 500 else NOBODY_KNOWS
