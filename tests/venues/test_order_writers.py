"""What is written without Python is, byte for byte, what the adapters of the venues send."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from accounts import HMAC, KEY, KRAKEN, asymmetric
from hypothesis import given, settings
from hypothesis import strategies as st
from order_texts import NOW, Terms, approve, gate_of

from alp._core.gate import Gate, Refusal
from alp._core.order_bytes import WrittenOrder
from alp._core.order_life import OrderEvent
from alp._core.sha2 import HmacKey
from alp.errors import ConfigError
from alp.venues.binance import signing as binance
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Credentials
from alp.venues.instruments import Grid, Instrument
from alp.venues.kraken import signing as kraken
from alp.venues.kraken.spot_orders import KrakenSpotOrders
from alp.venues.order_writers import order_writer, request_of
from alp.venues.orders import Action, Call, Command, Signer, TimeInForce
from alp.venues.registry import orders_for
from alp.venues.signing import Nonces

STAMP = 1_790_000_000_123
REFERENCE = 77
FILLED = 10
TOKEN = "a-token/of+kraken="
WAYS = [
    ("binance-usdm", "ETHUSDC", HMAC, False),
    ("binance-usdm", "ETHUSDC", HMAC, True),
    ("binance-usdm", "ETHUSDC", None, True),
    ("binance-spot", "ETHUSDC", HMAC, False),
    ("binance-spot", "ETHUSDC", HMAC, True),
    ("binance-spot", "ETHUSDC", None, True),
    ("kraken-spot", "ETH/USDC", None, True),
    ("kraken-futures", "PF_ETHUSD", KRAKEN, False),
    ("coinbase-spot", "ETH-USDC", None, False),
]
IDS = [
    f"{name}-{'socket' if socket else 'rest'}-{'signed' if keys else 'unsigned'}"
    for name, _, keys, socket in WAYS
]


def product(exchange: str, symbol: str) -> Instrument:
    grids = (Grid(2, 1), Grid(3, 1), Grid(3, 1))
    return Instrument(exchange, symbol, symbol, "ETH", "USDC", *grids, Decimal(0))


def signer_of(credentials: Credentials) -> Signer:
    """A signer whose clock stands still, and whose references are one number."""
    return Signer(
        credentials,
        lambda: STAMP * 10**6,
        Nonces(lambda: REFERENCE * 1000),
        lambda: str(REFERENCE),
    )


def credentials_for(exchange: str, credentials: Credentials | None) -> Credentials:
    if exchange == "coinbase-spot":
        return asymmetric("es256")
    if exchange == "kraken-spot":
        return KRAKEN
    return credentials or asymmetric("ed25519")


def asked() -> Iterator[Terms]:
    """Every way to ask for a new order, an amend and a cancel."""
    ways = itertools.product((1, -1), (1, 2, 3), (False, True), (False, True))
    for number, (side, duration, post_only, reduce_only) in enumerate(ways):
        yield Terms(f"n-{number}", 1, side, 268_160, 50, duration, post_only, reduce_only)
    for number, (side, post_only) in enumerate(itertools.product((1, -1), (False, True))):
        yield Terms(f"o-{number}", 2, side, 268_160, 40, 1, post_only)
        yield Terms(f"o-{number}", 3, side, 268_160, 50, 1, post_only)


def command_of(terms: Terms, instrument: Instrument, venue_id: str) -> Command:
    return Command(
        Action(terms.action),
        instrument,
        terms.client_id,
        venue_id,
        terms.side,
        terms.price,
        terms.quantity,
        TimeInForce(terms.time_in_force),
        terms.post_only,
        terms.reduce_only,
        number=int(terms.action != 1),
        filled=FILLED if terms.action != 1 else 0,
    )


def text_of(call: Call) -> bytes:
    """The part of a call that the writer writes."""
    if call.request is None:
        assert call.message is not None
        return call.message
    return call.request.body or call.request.target.partition("?")[2].encode()


def adapters_call(
    exchange: str, command: Command, credentials: Credentials | None, socket: bool
) -> Call | None:
    """The call that the adapter makes, None where it makes none."""
    adapter = orders_for(exchange)
    signer = signer_of(credentials_for(exchange, credentials))
    if isinstance(adapter, KrakenSpotOrders):
        adapter.order_socket(signer, TOKEN)
    try:
        return adapter.commands([command], signer, socket=socket)
    except ConfigError:
        return None


def prepared(gate: Gate, terms: Terms) -> None:
    """Have the order that an amend or a cancel is about, filled in part."""
    if terms.action != 1 and terms.client_id not in gate.orders:
        approve(gate, replace(terms, action=1, quantity=50))
        gate.orders.apply(terms.client_id, OrderEvent.ACKED, venue_id="v-1", at_ns=NOW)
        fill = {"trade_id": "t-1", "quantity": FILLED, "price": terms.price, "at_ns": NOW}
        gate.orders.apply(terms.client_id, OrderEvent.FILL, **fill)


@pytest.mark.parametrize(("exchange", "symbol", "credentials", "socket"), WAYS, ids=IDS)
def test_each_text_is_the_adapters(
    exchange: str, symbol: str, credentials: Credentials | None, socket: bool
) -> None:
    instrument, equal = product(exchange, symbol), 0
    for terms in asked():
        gate = gate_of()
        writer = order_writer(exchange, gate.orders, [instrument], credentials, socket=socket)
        if exchange == "kraken-spot":
            writer.set_token(TOKEN.encode())
        prepared(gate, terms)
        # Only Coinbase is asked by the venue's id: the others by ours, which is always known.
        venue_id = "v-1" if exchange == "coinbase-spot" and terms.action != 1 else ""
        call = adapters_call(exchange, command_of(terms, instrument, venue_id), credentials, socket)
        approved = approve(gate, terms)
        if call is None:
            with pytest.raises(ValueError, match="cannot be asked"):
                writer.write(approved, STAMP, REFERENCE)
            continue
        written = writer.write(approved, STAMP, REFERENCE)
        assert written.text == text_of(call), terms
        equal += 1
        if call.request is not None:
            signer = signer_of(credentials_for(exchange, credentials))
            request = request_of(exchange, written, signer)
            assert (request.method, request.target, request.body) == (
                call.request.method,
                call.request.target,
                call.request.body,
            )
            if exchange != "coinbase-spot":  # a token is never the same twice
                assert request.headers == call.request.headers
    assert equal >= 12


def write(
    exchange: str, symbol: str, credentials: Credentials | None, socket: bool, terms: Terms
) -> WrittenOrder:
    gate = gate_of()
    writer = order_writer(
        exchange, gate.orders, [product(exchange, symbol)], credentials, socket=socket
    )
    prepared(gate, terms)
    return writer.write(approve(gate, terms), STAMP, REFERENCE)


orders = st.builds(
    Terms,
    client_id=st.from_regex(r"[A-Za-z0-9_-]{1,18}", fullmatch=True),
    action=st.sampled_from([1, 3]),
    side=st.sampled_from([1, -1]),
    price=st.integers(1, 1 << 40),
    quantity=st.integers(1, 1 << 20),
    time_in_force=st.sampled_from([1, 2, 3]),
)


@settings(max_examples=60)
@given(orders, st.sampled_from(["binance-usdm", "binance-spot"]))
def test_binance_believes_what_is_written(terms: Terms, exchange: str) -> None:
    text = write(exchange, "ETHUSDC", HMAC, False, terms).text
    params = binance.verify_request(HMAC, "", text, key=KEY, now_ms=STAMP)
    assert params["timestamp"] == str(STAMP)
    assert terms.client_id in (params.get("newClientOrderId"), params.get("origClientOrderId"))
    message = json.loads(write(exchange, "ETHUSDC", HMAC, True, terms).text)
    binance.verify_call(HMAC, message["params"], now_ms=STAMP)
    if terms.action == 1:
        for sent in (params, message["params"]):
            assert Decimal(sent["price"]) == Decimal(terms.price).scaleb(-2)
            assert Decimal(sent["quantity"]) == Decimal(terms.quantity).scaleb(-3)


@settings(max_examples=60)
@given(orders)
def test_kraken_futures_believes_what_is_written(terms: Terms) -> None:
    written = write("kraken-futures", "PF_ETHUSD", KRAKEN, False, terms)
    request = request_of("kraken-futures", written, signer_of(KRAKEN))
    kraken.verify_futures_request(
        KRAKEN, request.target, "", request.body, key=KEY, authent=request.headers["Authent"]
    )


def test_coinbase_believes_the_token_around_what_is_written() -> None:
    credentials = asymmetric("es256")
    for terms in (Terms(), Terms(action=2, quantity=40), Terms(action=3)):
        written = write("coinbase-spot", "ETH-USDC", None, False, terms)
        request = request_of("coinbase-spot", written, signer_of(credentials))
        claims = coinbase.verify_request(
            credentials,
            request.method,
            request.target,
            authorization=request.headers["Authorization"],
            now_s=STAMP // 1000,
        )
        assert claims["sub"] == KEY
        assert json.loads(request.body)


def test_numbers_of_kraken_spot_are_bare_and_keep_their_zeros() -> None:
    gate = gate_of()
    instrument = product("kraken-spot", "ETH/USDC")
    writer = order_writer("kraken-spot", gate.orders, [instrument], socket=True)
    with pytest.raises(ValueError, match="no token"):
        writer.write(approve(gate, Terms("one")), STAMP)
    writer.set_token(TOKEN.encode())
    written = writer.write(approve(gate, Terms("two", price=265_010, quantity=50)), STAMP, 7)
    sent: dict[str, Any] = json.loads(written.text, parse_float=str)
    assert (sent["params"]["limit_price"], sent["params"]["order_qty"]) == ("2650.10", "0.050")
    assert (sent["params"]["token"], sent["req_id"]) == (TOKEN, 7)


def test_binance_spot_amends_only_to_less_at_the_same_price() -> None:
    gate = gate_of()
    writer = order_writer("binance-spot", gate.orders, [product("binance-spot", "ETHUSDC")], HMAC)
    prepared(gate, Terms("mine", action=2))
    dearer = approve(gate, Terms("mine", action=2, price=268_163, quantity=40))
    with pytest.raises(ValueError, match="only to less"):
        writer.write(dearer, STAMP)


@pytest.mark.parametrize(
    ("exchange", "credentials", "socket"),
    [
        ("binance-usdm", None, False),
        ("kraken-spot", None, False),
        ("kraken-futures", None, False),
        ("kraken-futures", KRAKEN, True),
        ("coinbase-spot", None, True),
        ("nowhere", None, False),
    ],
)
def test_ways_that_are_not_served(
    exchange: str, credentials: Credentials | None, socket: bool
) -> None:
    with pytest.raises(ConfigError, match="not written in this way"):
        order_writer(exchange, gate_of().orders, [], credentials, socket=socket)


@pytest.mark.parametrize("socket", [False, True])
def test_other_keys_than_hmac_are_refused(socket: bool) -> None:
    with pytest.raises(ConfigError, match="ed25519 does not sign without Python"):
        order_writer(
            "binance-usdm",
            gate_of().orders,
            [product("binance-usdm", "ETHUSDC")],
            asymmetric("ed25519"),
            socket=socket,
        )


def test_a_symbol_that_would_need_escaping_is_refused() -> None:
    bad = product("coinbase-spot", 'ETH","side":"')
    with pytest.raises(ConfigError, match="no symbol"):
        order_writer("coinbase-spot", gate_of().orders, [bad])


def test_published_signatures_are_made_again(shared: Path) -> None:
    file = shared / "venues/fixtures/public/signed_vectors.jsonl"
    tried = 0
    for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        algorithm = record.get("algo", "")
        if algorithm.startswith("HMAC-SHA256 hex"):
            key = HmacKey(record["secret"].encode(), "sha256")
            assert key.sign(record["payload"].encode()).hex() == record["signature"]
        elif "HMAC-SHA512" in algorithm:
            key = HmacKey(base64.b64decode(record["secret"]), "sha512")
            if "path" in record:
                inner = hashlib.sha256((record["nonce"] + record["body"]).encode()).digest()
                payload = record["path"].encode() + inner
            else:
                payload = hashlib.sha256(record["payload"].encode()).digest()
            assert base64.b64encode(key.sign(payload)).decode() == record["signature"]
        else:
            continue
        tried += 1
    assert tried >= 5


def test_a_refused_command_is_nothing_that_can_be_written() -> None:
    gate = gate_of()
    gate.kill()
    refused = gate.approve(Terms().command(), NOW)
    assert isinstance(refused, Refusal)
    writer = order_writer("coinbase-spot", gate.orders, [product("coinbase-spot", "ETH-USDC")])
    with pytest.raises(TypeError):
        writer.write(refused, STAMP)  # type: ignore[arg-type]
