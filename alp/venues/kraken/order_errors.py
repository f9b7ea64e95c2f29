"""What Kraken's errors mean for a command, spot and futures.

Sources: docs.kraken.com, "API errors" of spot REST, and "Send order", "Edit order" and "Cancel
order" of futures REST.
"""

from __future__ import annotations

from typing import NamedTuple

from alp._core.order_life import RejectReason
from alp.venues.order_facts import SECOND
from alp.venues.orders import Policy


class Meaning(NamedTuple):
    """What to do about an error; of policy ``QUERY``, the command may have been done."""

    policy: Policy
    reason: RejectReason = RejectReason.OTHER
    retry_ns: int = 0


LOCKOUT_NS = 15 * 60 * SECOND
NOBODY_KNOWS = Meaning(Policy.QUERY)
NOT_TRUSTED = Meaning(Policy.HALT, RejectReason.AUTH)

SPOT: tuple[tuple[str, Meaning], ...] = (
    ("EOrder:Post only order", Meaning(Policy.REQUOTE, RejectReason.POST_ONLY)),
    ("EOrder:Insufficient funds", Meaning(Policy.PAUSE_SIDE, RejectReason.BALANCE)),
    ("EOrder:Insufficient", Meaning(Policy.PAUSE_SIDE, RejectReason.MARGIN)),
    ("EOrder:Margin", Meaning(Policy.PAUSE_SIDE, RejectReason.MARGIN)),
    ("EOrder:Positions limit exceeded", Meaning(Policy.PAUSE_SIDE, RejectReason.MARGIN)),
    ("EOrder:Order minimum not met", Meaning(Policy.FIX_CONFIG, RejectReason.SIZE_FILTER)),
    ("EOrder:Cost minimum not met", Meaning(Policy.FIX_CONFIG, RejectReason.NOTIONAL_FILTER)),
    ("EOrder:Tick size check failed", Meaning(Policy.FIX_CONFIG, RejectReason.PRICE_FILTER)),
    ("EOrder:Invalid price", Meaning(Policy.FIX_CONFIG, RejectReason.PRICE_FILTER)),
    ("EOrder:Reduce only", Meaning(Policy.RESYNC_STATE, RejectReason.REDUCE_ONLY)),
    ("EOrder:Orders limit exceeded", Meaning(Policy.RESYNC_STATE, RejectReason.RATE)),
    ("EOrder:Rate limit exceeded", Meaning(Policy.RETRY_AFTER, RejectReason.RATE, 5 * SECOND)),
    ("EOrder:Unknown order", Meaning(Policy.RESYNC_STATE, RejectReason.UNKNOWN_ORDER)),
    ("EOrder:Invalid order", Meaning(Policy.RESYNC_STATE, RejectReason.UNKNOWN_ORDER)),
    ("EOrder:", Meaning(Policy.RESYNC_STATE)),
    ("EAPI:Rate limit exceeded", Meaning(Policy.RETRY_AFTER, RejectReason.RATE, 10 * SECOND)),
    ("EAPI:Invalid nonce", Meaning(Policy.RESYNC_CLOCK, RejectReason.CLOCK)),
    ("EAPI:Invalid key", NOT_TRUSTED),
    ("EAPI:Invalid signature", NOT_TRUSTED),
    ("EAPI:Feature disabled", NOT_TRUSTED),
    ("EAuth:", NOT_TRUSTED),
    ("EAccount:", NOT_TRUSTED),
    ("EGeneral:Permission denied", NOT_TRUSTED),
    ("EGeneral:Temporary lockout", Meaning(Policy.RETRY_AFTER, RejectReason.AUTH, LOCKOUT_NS)),
    (
        "EGeneral:Invalid arguments:volume minimum not met",
        Meaning(Policy.FIX_CONFIG, RejectReason.SIZE_FILTER),
    ),
    ("EGeneral:Invalid arguments", Meaning(Policy.FIX_CONFIG)),
    ("EQuery:", Meaning(Policy.FIX_CONFIG)),
    ("ESession:Invalid session", Meaning(Policy.REQUOTE, RejectReason.AUTH)),
    ("EService:Busy", Meaning(Policy.RETRY_AFTER, RejectReason.OTHER, SECOND)),
    ("EService:Throttled", Meaning(Policy.RETRY_AFTER, RejectReason.RATE, 10 * SECOND)),
    ("EService:Deadline elapsed", Meaning(Policy.REQUOTE, RejectReason.CLOCK)),
    ("EService:Market in", Meaning(Policy.PAUSE_SYMBOL, RejectReason.HALTED)),
)
"""How an error begins -> its meaning, the longer first. All others leave a command's end open:
``EService:Timeout``, ``EService:Unavailable``, ``EGeneral:Internal error``."""

FUTURES: dict[str, Meaning] = {
    "postWouldExecute": Meaning(Policy.REQUOTE, RejectReason.POST_ONLY),
    "insufficientAvailableFunds": Meaning(Policy.PAUSE_SIDE, RejectReason.MARGIN),
    "wouldCauseLiquidation": Meaning(Policy.PAUSE_SIDE, RejectReason.MARGIN),
    "maxPositionViolation": Meaning(Policy.PAUSE_SIDE, RejectReason.MARGIN),
    "tooManySmallOrders": Meaning(Policy.RESYNC_STATE, RejectReason.RATE),
    "tooManyOrders": Meaning(Policy.RESYNC_STATE, RejectReason.RATE),
    "wouldNotReducePosition": Meaning(Policy.RESYNC_STATE, RejectReason.REDUCE_ONLY),
    "invalidSize": Meaning(Policy.FIX_CONFIG, RejectReason.SIZE_FILTER),
    "invalidPrice": Meaning(Policy.FIX_CONFIG, RejectReason.PRICE_FILTER),
    "outsidePriceCollar": Meaning(Policy.REQUOTE, RejectReason.PRICE_FILTER),
    "marketSuspended": Meaning(Policy.PAUSE_SYMBOL, RejectReason.HALTED),
    "marketInactive": Meaning(Policy.PAUSE_SYMBOL, RejectReason.HALTED),
    "clientOrderIdTooLong": Meaning(Policy.FIX_CONFIG),
    "invalidOrderType": Meaning(Policy.FIX_CONFIG),
    "invalidSide": Meaning(Policy.FIX_CONFIG),
    "selfFill": Meaning(Policy.REQUOTE, RejectReason.SELF_MATCH),
    "notFound": Meaning(Policy.RESYNC_STATE, RejectReason.UNKNOWN_ORDER),
    "orderForEditNotFound": Meaning(Policy.RESYNC_STATE, RejectReason.UNKNOWN_ORDER),
    "orderForEditNotAStop": Meaning(Policy.FIX_CONFIG),
    "apiLimitExceeded": Meaning(Policy.RETRY_AFTER, RejectReason.RATE, 10 * SECOND),
    "nonceBelowThreshold": Meaning(Policy.RESYNC_CLOCK, RejectReason.CLOCK),
    "nonceDuplicate": Meaning(Policy.RESYNC_CLOCK, RejectReason.CLOCK),
    "authenticationError": NOT_TRUSTED,
    "accountInactive": NOT_TRUSTED,
    "requiredArgumentMissing": Meaning(Policy.FIX_CONFIG),
    "invalidArgument": Meaning(Policy.FIX_CONFIG),
    "invalidUnit": Meaning(Policy.FIX_CONFIG),
    "unavailable": Meaning(Policy.RETRY_AFTER, RejectReason.HALTED, 5 * SECOND),
    "marketUnavailable": Meaning(Policy.PAUSE_SYMBOL, RejectReason.HALTED),
}
"""Status of a command, or error of a request -> its meaning. All others leave a command's end
open: ``Server Error``; ``clientOrderIdAlreadyExist``, as alp never gives an id twice."""

_LOWER = tuple((text.lower(), meaning) for text, meaning in SPOT)


def spot_meaning(error: str) -> Meaning:
    """Return what an error of spot means."""
    text = error.lower()
    if "cl_ord_id" in text and any(word in text for word in ("duplicate", "already", "unique")):
        return NOBODY_KNOWS  # alp never gives an id twice: the order was sent before
    for beginning, meaning in _LOWER:
        if text.startswith(beginning):
            return meaning
    return NOBODY_KNOWS


def futures_meaning(word: str) -> Meaning:
    """Return what a status or an error of futures means."""
    return FUTURES.get(word, NOBODY_KNOWS)


def by_status(status: int) -> Meaning | None:
    """Return what a status of HTTP means where the body says nothing; None: it is no failure."""
    if status in (0, 200):
        return None
    if status == 429:
        return Meaning(Policy.RETRY_AFTER, RejectReason.RATE, 10 * SECOND)
    return NOT_TRUSTED if status in (401, 403) else NOBODY_KNOWS
