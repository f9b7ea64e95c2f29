"""What Binance's errors mean for an order, and what is to be done about them.

Sources: developers.binance.com, "Error Codes" of spot and of USDⓈ-M futures, and the general
information of both on HTTP statuses. A code that stands for several things is told apart by its
text. What is not known to be a refusal is none: the outcome is unknown, and the order is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from alp._core.order_life import RejectReason
from alp.venues.adapter import SECOND
from alp.venues.orders import Policy

LONGEST_BAN_NS = 3 * 24 * 3600 * SECOND
NO_SUCH_ORDER, ARCHIVED = -2013, -2026
_BANNED = re.compile(r"until ([0-9]{13})(?![0-9])")
_SECONDS = re.compile(r"[0-9]{1,6}").fullmatch


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an error means.

    Attributes
    ----------
    reason
        Why a command was refused.
    known
        Whether it is certain that the command was not done.
    retry_ns
        How long to leave the venue alone where it does not say.
    """

    policy: Policy
    reason: RejectReason = RejectReason.OTHER
    known: bool = True
    retry_ns: int = 0


UNKNOWN = Ruling(Policy.QUERY, known=False)
DUPLICATE = Ruling(Policy.QUERY, RejectReason.DUPLICATE_ID, known=False)
"""An order with this id is there: an earlier sending of it, since ids are never used again."""
RATE = Ruling(Policy.RETRY_AFTER, RejectReason.RATE, retry_ns=10 * SECOND)
BANNED = Ruling(Policy.RETRY_AFTER, RejectReason.RATE, retry_ns=120 * SECOND)
OVERLOAD = Ruling(Policy.RETRY_AFTER, RejectReason.RATE, retry_ns=SECOND)
UNAVAILABLE = Ruling(Policy.RETRY_AFTER, RejectReason.HALTED, retry_ns=SECOND)
CLOCK = Ruling(Policy.RESYNC_CLOCK, RejectReason.CLOCK)
KEYS = Ruling(Policy.HALT, RejectReason.AUTH)
FROZEN = Ruling(Policy.HALT, RejectReason.HALTED)
RULES = Ruling(Policy.FIX_CONFIG)
PRICE = Ruling(Policy.FIX_CONFIG, RejectReason.PRICE_FILTER)
SIZE = Ruling(Policy.FIX_CONFIG, RejectReason.SIZE_FILTER)
NOTIONAL = Ruling(Policy.FIX_CONFIG, RejectReason.NOTIONAL_FILTER)
BAND = Ruling(Policy.REQUOTE, RejectReason.PRICE_FILTER)
POST_ONLY = Ruling(Policy.REQUOTE, RejectReason.POST_ONLY)
REQUOTE = Ruling(Policy.REQUOTE)
BALANCE = Ruling(Policy.PAUSE_SIDE, RejectReason.BALANCE)
MARGIN = Ruling(Policy.PAUSE_SIDE, RejectReason.MARGIN)
ONLY_REDUCE = Ruling(Policy.PAUSE_SIDE, RejectReason.REDUCE_ONLY)
POSITION = Ruling(Policy.RESYNC_STATE, RejectReason.REDUCE_ONLY)
TOO_MANY_OPEN = Ruling(Policy.RESYNC_STATE, RejectReason.RATE)
CLOSED = Ruling(Policy.PAUSE_SYMBOL, RejectReason.HALTED)
NO_ORDER = Ruling(Policy.QUERY, RejectReason.UNKNOWN_ORDER)
"""An order to cancel or amend is not open, or not as it was taken for: only the venue knows."""
LISTEN_KEY = Ruling(Policy.RESYNC_STATE, RejectReason.AUTH)

_BOTH = {
    -1000: UNKNOWN,
    -1001: UNKNOWN,
    -1002: KEYS,
    -1003: RATE,
    -1004: OVERLOAD,
    -1006: UNKNOWN,
    -1007: UNKNOWN,
    -1008: OVERLOAD,
    -1010: RULES,
    -1013: RULES,
    -1014: RULES,
    -1015: RATE,
    -1016: UNAVAILABLE,
    -1020: RULES,
    -1021: CLOCK,
    -1022: KEYS,
    -1111: RULES,
    -1112: REQUOTE,
    -1121: Ruling(Policy.HALT),
    -1125: LISTEN_KEY,
    -2010: RULES,
    -2011: NO_ORDER,
    -2013: NO_ORDER,
    -2014: KEYS,
    -2015: KEYS,
    -2016: CLOSED,
    -2018: BALANCE,
}
_USDM = {
    -1004: KEYS,
    -2019: MARGIN,
    -2020: REQUOTE,
    -2021: REQUOTE,
    -2022: POSITION,
    -2023: FROZEN,
    -2024: POSITION,
    -2025: TOO_MANY_OPEN,
    -2027: MARGIN,
    -2028: MARGIN,
    -4001: PRICE,
    -4002: PRICE,
    -4003: SIZE,
    -4004: SIZE,
    -4005: SIZE,
    -4013: PRICE,
    -4014: PRICE,
    -4016: BAND,
    -4023: SIZE,
    -4024: BAND,
    -4025: BAND,
    -4061: KEYS,
    -4087: ONLY_REDUCE,
    -4088: FROZEN,
    -4109: FROZEN,
    -4116: DUPLICATE,
    -4118: MARGIN,
    -4131: BAND,
    -4140: CLOSED,
    -4141: CLOSED,
    -4164: NOTIONAL,
    -4192: FROZEN,
    -4400: ONLY_REDUCE,
    -4401: ONLY_REDUCE,
    -4402: FROZEN,
    -4403: FROZEN,
    -5021: REQUOTE,
    -5022: POST_ONLY,
    -5026: REQUOTE,
    -5027: NO_ORDER,
    -5028: CLOCK,
    -5041: REQUOTE,
    -5043: Ruling(Policy.REQUOTE, RejectReason.RATE),
}
_SPOT = {
    -2021: UNKNOWN,
    -2022: UNKNOWN,
    -2038: NO_ORDER,
}
TABLES: Mapping[str, Mapping[int, Ruling]] = {
    "binance-usdm": _BOTH | _USDM,
    "binance-spot": _BOTH | _SPOT,
}
"""What each exchange's codes mean."""

TEXTS: tuple[tuple[str, Ruling], ...] = (
    ("immediately match and take", POST_ONLY),
    ("duplicate order sent", DUPLICATE),
    ("insufficient balance", BALANCE),
    ("unknown order sent", NO_ORDER),
    ("too many new orders", RATE),
    ("filter failure: percent_price", BAND),
    ("filter failure: price_filter", PRICE),
    ("filter failure: lot_size", SIZE),
    ("filter failure: market_lot_size", SIZE),
    ("filter failure: min_notional", NOTIONAL),
    ("filter failure: notional", NOTIONAL),
    ("filter failure: max_num_orders", TOO_MANY_OPEN),
    ("filter failure: exchange_max_num_orders", TOO_MANY_OPEN),
    ("filter failure: max_position", BALANCE),
    ("market is closed", CLOSED),
    ("trigger immediately", REQUOTE),
    ("order book liquidity", REQUOTE),
    ("not permitted for this account", KEYS),
    ("restricted for this account", KEYS),
    ("disabled on this account", FROZEN),
    ("trading is not enabled", FROZEN),
)
"""Parts of texts, in small letters, that tell apart what :data:`OF_SEVERAL_KINDS` may mean."""
OF_SEVERAL_KINDS = frozenset({-1010, -1013, -2010, -2011, -2038})

_TEXTS_OF_503 = (
    ("unknown error", UNKNOWN),
    ("service unavailable", UNAVAILABLE),
    ("internal error; unable to process", OVERLOAD),
    ("request throttled", OVERLOAD),
)


def ruling(exchange: str, status: int, code: int | None, text: str) -> Ruling:
    """Return what an error means.

    Parameters
    ----------
    status
        Of HTTP, or the one within an answer of the WebSocket API.
    code
        Binance's own; None where the answer has none that can be read.
    """
    if status == 418:
        return BANNED
    if status in (403, 429):
        return RATE
    if code is None:
        return UNKNOWN
    listed = TABLES[exchange].get(code)
    if listed is not None and not listed.known:
        return listed
    small = text.lower()
    if status == 503:
        for part, meaning in _TEXTS_OF_503:
            if part in small:
                return meaning
    if code in OF_SEVERAL_KINDS:
        for part, meaning in TEXTS:
            if part in small:
                return meaning
    if listed is not None:
        return listed
    # Of those not listed, the venue's own troubles begin with -10; it refuses with 4xx.
    certain = 400 <= status < 500 and code <= -1100
    return RULES if certain else UNKNOWN


def patience_ns(
    meaning: Ruling, headers: Mapping[str, str], text: str, received_ns: int, until_ms: int = 0
) -> int:
    """Return how long the venue wants to be left alone.

    Parameters
    ----------
    until_ms
        When it may be asked again, where the answer says so; 0: it does not.
    """
    if meaning.policy is not Policy.RETRY_AFTER:
        return 0
    waits = [meaning.retry_ns]
    for name, seconds in headers.items():
        if name.lower() == "retry-after" and _SECONDS(seconds):
            waits = [int(seconds) * SECOND]
    match = _BANNED.search(text)
    if match is not None:
        until_ms = max(until_ms, int(match[1]))
    if until_ms and received_ns:
        waits.append(until_ms * 1_000_000 - received_ns)
    return min(max(waits), LONGEST_BAN_NS)
