"""What each exchange wants to read of an order: templates for the compiled writer.

:class:`alp._core.order_bytes.OrderWriter` puts numbers, ids, time and signature into the texts made
here, so that what the gate approved is ready to be sent without Python. Where an exchange signs by
a token of its own for each request (Coinbase), only the body is written; see :func:`request_of`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from alp._core.order_bytes import (
    Asked,
    OrderWriter,
    ProductForms,
    Signing,
    Template,
    WrittenOrder,
)
from alp._core.orders import OrderTable
from alp._core.sha2 import HmacKey
from alp.errors import ConfigError
from alp.venues.binance import signing as binance_signing
from alp.venues.coinbase import signing as coinbase_signing
from alp.venues.credentials import Credentials, Kind
from alp.venues.instruments import Instrument
from alp.venues.kraken import signing as kraken_signing
from alp.venues.orders import Action, Signer, TimeInForce
from alp.venues.signing import FORM, SignedRequest

Pairs = list[tuple[str, str]]

_SYMBOL = re.compile(r"[A-Za-z0-9._/-]{1,40}").fullmatch
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}").fullmatch
_CLIENT_MOST = {"kraken-spot": 18}
_LONGEST_ID = 24

_REQUESTS: Mapping[str, Mapping[Action, tuple[str, str]]] = {
    "binance-usdm": {
        Action.NEW: ("POST", "/fapi/v1/order"),
        Action.AMEND: ("PUT", "/fapi/v1/order"),
        Action.CANCEL: ("DELETE", "/fapi/v1/order"),
    },
    "binance-spot": {
        Action.NEW: ("POST", "/api/v3/order"),
        Action.AMEND: ("PUT", "/api/v3/order/amend/keepPriority"),
        Action.CANCEL: ("DELETE", "/api/v3/order"),
    },
    "coinbase-spot": {
        Action.NEW: ("POST", "/api/v3/brokerage/orders"),
        Action.AMEND: ("POST", "/api/v3/brokerage/orders/edit"),
        Action.CANCEL: ("POST", "/api/v3/brokerage/orders/batch_cancel"),
    },
    "kraken-futures": {
        Action.NEW: ("POST", "/derivatives/api/v3/sendorder"),
        Action.AMEND: ("POST", "/derivatives/api/v3/editorder"),
        Action.CANCEL: ("POST", "/derivatives/api/v3/cancelorder"),
    },
}
_METHODS: Mapping[str, Mapping[Action, str]] = {
    "binance-usdm": {
        Action.NEW: "order.place",
        Action.AMEND: "order.modify",
        Action.CANCEL: "order.cancel",
    },
    "binance-spot": {
        Action.NEW: "order.place",
        Action.AMEND: "order.amend.keepPriority",
        Action.CANCEL: "order.cancel",
    },
}
SELF_TRADE_PREVENTION = "EXPIRE_MAKER"
"""Of Binance: an order of ours that takes wins over one that rests."""


def order_writer(
    exchange: str,
    orders: OrderTable,
    instruments: Sequence[Instrument],
    credentials: Credentials | None = None,
    *,
    socket: bool = False,
) -> OrderWriter:
    """Return what writes the approved commands of one account.

    Parameters
    ----------
    instruments
        Of each instrument of the table, in its order.
    credentials
        None on a socket that is logged on, and where the text itself is not signed.
    socket
        Whether orders go over a WebSocket: Binance's, logged on or signed one by one, or Kraken
        spot's, whose token :meth:`OrderWriter.set_token` takes.

    Raises
    ------
    ConfigError
        If the exchange, or this kind of credentials, is not served in this way.
    """
    template, signing, key = _dialect(exchange, credentials, socket)
    products = []
    for each in instruments:
        if _SYMBOL(each.symbol) is None:
            raise ConfigError(f"{exchange}: {each.symbol!r} is no symbol")
        products.append(
            ProductForms(
                each.price.decimals,
                each.price.step,
                each.order_quantity.decimals,
                each.order_quantity.step,
                lambda asked, symbol=each.symbol: template(symbol, asked),  # type: ignore[misc]
            )
        )
    most = _CLIENT_MOST.get(exchange, _LONGEST_ID)
    return OrderWriter(orders, products, signing, key, client_most=most)


def request_of(exchange: str, written: WrittenOrder, signer: Signer) -> SignedRequest:
    """Return the request of REST around what was written; Coinbase's token is made here."""
    method, path = _REQUESTS[exchange][Action(written.action)]
    credentials = signer.credentials
    if exchange == "coinbase-spot":
        now_s = signer.now_ns() // 10**9
        return coinbase_signing.sign_request(
            credentials, method, path, written.text, now_s=now_s, nonce=signer.random_hex()
        )
    if exchange == "kraken-futures":
        headers = {"APIKey": credentials.key, "Authent": written.signature, "Content-Type": FORM}
        return SignedRequest(method, path, headers, written.text)
    headers = binance_signing.key_header(credentials)
    if method == "DELETE":
        return SignedRequest(method, f"{path}?{written.text.decode('ascii')}", headers)
    return SignedRequest(method, path, {**headers, "Content-Type": FORM}, written.text)


def _dialect(
    exchange: str, credentials: Credentials | None, socket: bool
) -> tuple[Callable[[str, Asked], Template | None], Signing, HmacKey | None]:
    if exchange in _METHODS and socket:
        if credentials is None:
            return _binance_call(exchange, ""), Signing.NOTHING, None
        if _KEY(credentials.key) is None:
            raise ConfigError(f"{exchange}: the key's name is none")
        key = HmacKey(_secret(exchange, credentials), "sha256")
        return _binance_call(exchange, credentials.key), Signing.HEX_256, key
    if exchange in _METHODS and credentials is not None:
        key = HmacKey(_secret(exchange, credentials), "sha256")
        return _binance_query(exchange), Signing.HEX_256, key
    if exchange == "kraken-spot" and socket:
        return _kraken_spot, Signing.NOTHING, None
    if exchange == "kraken-futures" and not socket and credentials is not None:
        kraken_signing.check(credentials)
        key = HmacKey(base64.b64decode(_secret(exchange, credentials)), "sha512")
        return _kraken_futures, Signing.FUTURES, key
    if exchange == "coinbase-spot" and not socket:
        return _coinbase, Signing.NOTHING, None
    raise ConfigError(f"{exchange}: orders are not written in this way")


def _secret(exchange: str, credentials: Credentials) -> bytes:
    if credentials.kind is not Kind.HMAC or credentials.secret is None:
        raise ConfigError(
            f"{exchange}: {credentials.kind} does not sign without Python",
            hint="log on to the WebSocket API, whose orders need no signature",
        )
    return credentials.secret.reveal().encode()


def _side(asked: Asked) -> str:
    return "buy" if asked.side > 0 else "sell"


def _usdm(symbol: str, asked: Asked) -> Pairs:
    named = [("symbol", symbol), ("origClientOrderId", "<client_id>")]
    if asked.action == Action.CANCEL:
        return named
    terms = [("side", _side(asked).upper()), ("quantity", "<quantity>"), ("price", "<price>")]
    if asked.action == Action.AMEND:
        return named + terms
    pairs = [
        ("symbol", symbol),
        *terms,
        ("type", "LIMIT"),
        ("timeInForce", "GTX" if asked.post_only else TimeInForce(asked.time_in_force).name),
        ("newClientOrderId", "<client_id>"),
        ("newOrderRespType", "ACK" if asked.post_only else "RESULT"),
        ("selfTradePreventionMode", SELF_TRADE_PREVENTION),
    ]
    return [*pairs, ("reduceOnly", "true")] if asked.reduce_only else pairs


def _spot(symbol: str, asked: Asked) -> Pairs | None:
    named = [("symbol", symbol), ("origClientOrderId", "<client_id>")]
    if asked.action == Action.CANCEL:
        return named
    if asked.action == Action.AMEND:
        return [*named, ("newQty", "<quantity>"), ("newClientOrderId", "<client_id>")]
    if asked.reduce_only:
        return None
    pairs = [("symbol", symbol), ("side", _side(asked).upper())]
    if asked.post_only:
        pairs.append(("type", "LIMIT_MAKER"))
    else:
        duration = TimeInForce(asked.time_in_force).name
        pairs += [("type", "LIMIT"), ("timeInForce", duration)]
    return [
        *pairs,
        ("quantity", "<quantity>"),
        ("price", "<price>"),
        ("newClientOrderId", "<client_id>"),
        ("newOrderRespType", "RESULT" if asked.post_only else "FULL"),
        ("selfTradePreventionMode", SELF_TRADE_PREVENTION),
    ]


def _binance_pairs(exchange: str, symbol: str, asked: Asked) -> Pairs | None:
    return _usdm(symbol, asked) if exchange == "binance-usdm" else _spot(symbol, asked)


def _less_only(exchange: str, asked: Asked) -> bool:
    return exchange == "binance-spot" and asked.action == Action.AMEND


def _binance_query(exchange: str) -> Callable[[str, Asked], Template | None]:
    window = str(binance_signing.RECEIVE_WINDOW_MS)

    def template(symbol: str, asked: Asked) -> Template | None:
        pairs = _binance_pairs(exchange, quote(symbol, safe=""), asked)
        if pairs is None:
            return None
        pairs += [("recvWindow", window), ("timestamp", "<time_ms>")]
        query = "&".join(f"{name}={text}" for name, text in pairs)
        return Template(
            f"{query}<sign>&signature=<signature>", less_only=_less_only(exchange, asked)
        )

    return template


def _binance_call(exchange: str, key: str) -> Callable[[str, Asked], Template | None]:
    """Return the templates of the WebSocket API; without a key, of a socket that is logged on."""

    def template(symbol: str, asked: Asked) -> Template | None:
        pairs = _binance_pairs(exchange, symbol, asked)
        if pairs is None:
            return None
        given = [f'"{name}":"{text}"' for name, text in pairs]
        stamp, signed = '"timestamp":<time_ms>', ""
        if key:
            pairs += [("apiKey", key), ("timestamp", "<time_ms>")]
            signed = "&".join(f"{name}={text}" for name, text in sorted(pairs)) + "<sign>"
            given += [f'"apiKey":"{key}"', stamp, '"signature":"<signature>"']
        else:
            given.append(stamp)
        method = _METHODS[exchange][Action(asked.action)]
        text = f'{{"id":"<reference>","method":"{method}","params":{{{",".join(given)}}}}}'
        return Template(text, signed, _less_only(exchange, asked))

    return template


def _kraken_spot(symbol: str, asked: Asked) -> Template | None:
    terms = '"order_qty":<quantity>,"limit_price":<price>'
    post_only = f'"post_only":{"true" if asked.post_only else "false"}'
    if asked.action == Action.CANCEL:
        method, params = "cancel_order", '"cl_ord_id":["<client_id>"]'
    elif asked.action == Action.AMEND:
        method, params = "amend_order", f'"cl_ord_id":"<client_id>",{terms},{post_only}'
    elif asked.reduce_only:
        return None
    else:
        method = "add_order"
        duration = TimeInForce(asked.time_in_force).name.lower()
        params = (
            f'"order_type":"limit","side":"{_side(asked)}",{terms},"time_in_force":"{duration}",'
            f'{post_only},"fee_preference":"quote","cl_ord_id":"<client_id>","symbol":"{symbol}"'
        )
    return Template(
        f'{{"method":"{method}","params":{{{params},"token":"<token>"}},"req_id":<reference>}}'
    )


def _kraken_futures(symbol: str, asked: Asked) -> Template | None:
    if asked.action == Action.CANCEL:
        data = "cliOrdId=<client_id>"
    elif asked.action == Action.AMEND:
        data = "cliOrdId=<client_id>&limitPrice=<price>&size=<rest>"
    else:
        kinds = {TimeInForce.GTC: "lmt", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}
        kind = "post" if asked.post_only else kinds[TimeInForce(asked.time_in_force)]
        data = f"orderType={kind}&symbol={quote(symbol, safe='')}&side={_side(asked)}"
        data += "&size=<quantity>&limitPrice=<price>&cliOrdId=<client_id>"
        data += "&reduceOnly=true" if asked.reduce_only else ""
    path = _REQUESTS["kraken-futures"][Action(asked.action)][1]
    endpoint = path.removeprefix(kraken_signing.FUTURES_PREFIX)
    return Template(data, f"{data}{endpoint}<sign>")


def _coinbase(symbol: str, asked: Asked) -> Template | None:
    if asked.action == Action.CANCEL:
        return Template('{"order_ids":["<venue_id>"]}')
    if asked.action == Action.AMEND:
        return Template('{"order_id":"<venue_id>","price":"<price>","size":"<quantity>"}')
    if asked.reduce_only:
        return None
    terms = '"base_size":"<quantity>","limit_price":"<price>"'
    kind = {
        TimeInForce.GTC: "limit_limit_gtc",
        TimeInForce.IOC: "sor_limit_ioc",
        TimeInForce.FOK: "limit_limit_fok",
    }[TimeInForce(asked.time_in_force)]
    if asked.time_in_force == TimeInForce.GTC:
        terms += f',"post_only":{"true" if asked.post_only else "false"}'
    return Template(
        f'{{"client_order_id":"<client_id>","product_id":"{symbol}",'
        f'"side":"{_side(asked).upper()}","order_configuration":{{"{kind}":{{{terms}}}}}}}'
    )
