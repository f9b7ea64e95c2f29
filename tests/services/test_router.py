"""An order goes to the accounts that exact fractions choose, within what each may have."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from account_world import LIMITS, NOW, manifest
from hypothesis import event, given, settings
from plain_gate import NEW, command
from plain_route import Wish
from plain_route import route as plain_route
from routed_world import Routed, instrument, router_of, worlds

from alp._core.gate import GateState, Refusal
from alp._core.orders import OrderTable
from alp._core.route import RouteError, RouteShort
from alp.errors import ConfigError
from alp.services.execution.limits import UNITS, AccountVenue, journal_instruments, make_gate
from alp.services.execution.route_terms import Decision, Nothing, VenueState, Want
from alp.services.execution.router import Router
from alp.venues.instruments import Instrument, Trading


def decide(world: Routed) -> Decision:
    return router_of(world.strategy, world.instruments).route(world.want, world.states)


def check(world: Routed, decision: Decision) -> None:
    """Whatever was chosen, it adds up and nobody is given what they may not have."""
    want, spec = world.want, world.strategy.spec
    given_base: dict[int, Fraction] = defaultdict(Fraction)
    counts: dict[int, int] = defaultdict(int)
    for child in decision.children:
        at = child.instrument
        base = child.lots * world.lot(at)
        price = child.price * world.tick(at)
        venue, traded = spec.venues[at], world.instruments[at]
        given_base[at] += base
        counts[at] += 1
        assert (child.venue, child.account) == (venue.name, venue.account)
        assert (child.side, child.takes) == (want.side, want.takes)
        assert base >= max(traded.min_quantity, venue.order.min_base)
        assert base <= (venue.order.max_base or spec.limits.max_venue_base or 0)
        assert (traded.min_notional or 0) <= base * price <= (spec.limits.max_order_notional or 0)
        if want.price:
            assert want.side * price * UNITS <= want.side * want.price
        state = world.states[at]
        if want.takes:
            assert want.side * (price - world.mid) <= world.slippage * world.mid
        elif want.side > 0:
            assert not state.asks or child.price < state.asks[0][0]
        else:
            assert not state.bids or child.price > state.bids[0][0]
    for at, base in given_base.items():
        assert world.healthy(at)
        assert base <= world.room(at)
        assert counts[at] <= world.states[at].orders_left
    total = sum(given_base.values())
    assert total + Fraction(decision.left, UNITS) == Fraction(want.size, UNITS)
    assert bool(decision.left) is bool(decision.short)
    names = {venue.name for venue in spec.venues}
    assert set(decision.nothing) == names - {child.venue for child in decision.children}


@settings(max_examples=300, deadline=None)
@given(world=worlds(apart=True))
def test_what_each_account_has_is_what_exact_fractions_give_it(world: Routed) -> None:
    decision = decide(world)
    check(world, decision)
    spec, want = world.strategy.spec, world.want
    plain = [world.plain(at) for at in range(len(world.instruments))]
    routing = spec.execution.routing
    wish = Wish(
        want.side,
        Fraction(want.size, UNITS),
        routing.lean_bps * 10_000 if routing.policy == "inventory" else 0,
        routing.policy == "share",
        world.slippage,
        world.mid,
    )
    if want.takes and not world.mid:
        assert not decision.children
        return
    left = plain_route(wish, plain, want.takes)
    assert Fraction(decision.left, UNITS) == left
    for at, one in enumerate(plain):
        sent = [child for child in decision.children if child.instrument == at]
        assert [child.lots for child in sent] == (one.pieces if one.lots else [])
        assert all(child.price * one.tick == one.worst for child in sent)
    event(f"{routing.policy}, takes {want.takes}, served {len(decision.children) > 0}")


@settings(max_examples=300, deadline=None)
@given(world=worlds(apart=False))
def test_accounts_of_one_market_never_take_its_depth_twice(world: Routed) -> None:
    decision = decide(world)
    check(world, decision)
    if not world.want.takes:
        return
    for exchange in {each.exchange for each in world.instruments}:
        members = [at for at, each in enumerate(world.instruments) if each.exchange == exchange]
        taken = sorted(
            (world.want.side * child.price * world.tick(child.instrument), child)
            for child in decision.children
            if child.instrument in members
        )
        event(f"accounts of one market that take: {len({child.venue for _, child in taken})}")
        depth = world.book(members[0])
        total = Fraction(0)
        for worst, child in taken:
            total += child.lots * world.lot(child.instrument)
            assert total <= sum(base for price, base in depth if world.want.side * price <= worst)


def venue(name: str, exchange: str = "binance-usdm", **more: Any) -> dict[str, Any]:
    return {"name": name, "exchange": exchange, "symbol": "ETHUSDC", **more}


def perp(**more: Any) -> Instrument:
    return instrument("binance-usdm", "ETHUSDC", "0.01", "0.001", "0.001", **more)


LIVE = VenueState(
    bids=((267_990, 2000), (267_900, 50_000)),
    asks=((268_010, 2000), (268_100, 2000), (270_000, 50_000)),
    fresh=True,
    gate=GateState.ACTIVE,
    orders_left=20,
)
BUY = Want(1, 3 * UNITS, 2680 * UNITS)
TAKE = Want(1, 3 * UNITS, 0, takes=True)


def single(state: VenueState, want: Want = BUY, **more: Any) -> Decision:
    strategy = manifest(venues=[venue("perp", order={"maxBase": "2"})])
    return router_of(strategy, [perp(**more)]).route(want, {0: state})


@pytest.mark.parametrize(
    ("changes", "want", "why"),
    [
        ({"fresh": False}, BUY, Nothing.STALE),
        ({"gate": GateState.HALTED}, BUY, Nothing.HALTED),
        ({"gate": GateState.REDUCING}, BUY, Nothing.REDUCING),
        ({"orders_left": 0}, BUY, Nothing.BUDGET),
        ({"position": 6000}, BUY, Nothing.LIMIT),
        ({"position": 4000, "open_buys": 2000}, BUY, Nothing.LIMIT),
        ({"asks": ((1, 5),)}, BUY, Nothing.PRICE),
        ({}, BUY._replace(size=UNITS // 2000), Nothing.MINIMUM),
        ({"bids": ()}, TAKE, Nothing.MID),
        ({}, TAKE._replace(price=2680 * UNITS), Nothing.PRICE),
        ({"bids": ((260_000, 5),)}, TAKE, Nothing.SLIPPAGE),
    ],
)
def test_a_venue_that_gets_nothing_has_a_reason(
    changes: dict[str, Any], want: Want, why: Nothing
) -> None:
    decision = single(LIVE._replace(**changes), want)
    assert (decision.children, decision.left) == ((), want.size)
    assert decision.nothing == {"perp": why}


def test_a_venue_that_was_never_heard_of_is_stale() -> None:
    strategy = manifest(venues=[venue("perp")])
    assert router_of(strategy, [perp()]).route(BUY, {}).nothing == {"perp": Nothing.STALE}


def test_a_gate_that_only_reduces_is_given_what_brings_its_position_to_zero() -> None:
    reducing = LIVE._replace(gate=GateState.REDUCING, position=-1700, open_buys=200)
    decision = single(reducing)
    assert [(child.price, child.lots) for child in decision.children] == [(268_000, 1500)]
    assert (decision.left, decision.short) == (3 * UNITS - 1500 * UNITS // 1000, RouteShort.ROOM)


@pytest.mark.parametrize(
    ("trading", "makes", "takes"),
    [(Trading.POST_ONLY, True, False), (Trading.CANCEL_ONLY, False, False)],
)
def test_a_venue_is_asked_only_for_what_it_allows(
    trading: Trading, makes: bool, takes: bool
) -> None:
    assert bool(single(LIVE, trading=trading).children) is makes
    assert bool(single(LIVE, TAKE, trading=trading).children) is takes


def test_what_rests_never_takes() -> None:
    decision = single(LIVE, BUY._replace(price=2700 * UNITS))
    assert {child.price for child in decision.children} == {268_009}
    sell = single(LIVE, Want(-1, UNITS, 2600 * UNITS))
    assert [(child.price, child.lots) for child in sell.children] == [(267_991, 1000)]


def test_an_order_larger_than_what_slippage_allows_is_cut_to_it() -> None:
    # the mid is 2680.00: 20 bps above it is 2685.36, where the third level is not
    decision = single(LIVE, TAKE._replace(size=5 * UNITS))
    assert sum(child.lots for child in decision.children) == 4000
    assert {child.price for child in decision.children} == {268_100}
    assert (decision.left, decision.short) == (UNITS, RouteShort.SLIPPAGE)


def test_an_order_that_takes_is_worth_no_more_than_allowed_at_its_worst_price() -> None:
    strategy = manifest(venues=[venue("perp")], limits={**LIMITS, "maxOrderNotional": "5361"})
    decision = router_of(strategy, [perp()]).route(TAKE._replace(size=4 * UNITS), {0: LIVE})
    # 2 base are 5360.20 at the touch, and 5362 at the level that the order may reach
    assert [(child.price, child.lots) for child in decision.children] == [
        (268_100, 1334),
        (268_100, 1333),
        (268_100, 1333),
    ]


def test_the_cheapest_account_of_a_market_takes_first_and_the_next_what_it_leaves() -> None:
    strategy = manifest(
        venues=[venue("dear", takerFeeBps="5"), venue("cheap", takerFeeBps="4")],
        limits={**LIMITS, "maxVenueBase": "2.5"},
    )
    router = router_of(strategy, [perp(), perp()])
    decision = router.route(TAKE._replace(size=4 * UNITS), {0: LIVE, 1: LIVE})
    assert [(each.venue, each.price, each.lots) for each in decision.children] == [
        ("dear", 268_100, 1500),
        ("cheap", 268_100, 2500),
    ]
    less = router.route(TAKE._replace(size=2 * UNITS), {0: LIVE, 1: LIVE})
    assert [(each.venue, each.lots) for each in less.children] == [("cheap", 2000)]
    assert less.nothing == {"dear": Nothing.OTHERS}


def test_products_that_one_book_serves_share_its_depth() -> None:
    strategy = manifest(
        venues=[
            {"name": "usd", "exchange": "coinbase-spot", "symbol": "ETH-USD"},
            {"name": "usdc", "exchange": "coinbase-spot", "symbol": "ETH-USDC"},
        ]
    )
    usd = instrument("coinbase-spot", "ETH-USD", "0.01", "0.001", "0.001")
    router = router_of(strategy, [usd, usd])
    decision = router.route(TAKE._replace(size=10 * UNITS), {0: LIVE, 1: LIVE})
    assert sum(child.lots for child in decision.children) == 4000


def test_a_position_near_its_limit_leans_away_by_the_inventory_policy_alone() -> None:
    def first(policy: str) -> str:
        strategy = manifest(
            venues=[venue("long", makerFeeBps="1"), venue("flat", makerFeeBps="2")],
            execution={"routing": {"policy": policy, "leanBps": 5}},
        )
        router = router_of(strategy, [perp(), perp()])
        states = {0: LIVE._replace(position=2000), 1: LIVE}
        return router.route(BUY, states).children[0].venue

    assert (first("bestPrice"), first("inventory")) == ("long", "flat")


def test_shares_are_the_manifests_and_one_without_gets_nothing() -> None:
    strategy = manifest(
        venues=[
            venue("a", share=Decimal("0.7")),
            venue("b", share=Decimal("0.3")),
            venue("c", share=Decimal(0)),
        ],
        execution={"routing": {"policy": "share"}},
    )
    decision = router_of(strategy, [perp()] * 3).route(BUY, dict.fromkeys(range(3), LIVE))
    assert [(each.venue, each.lots) for each in decision.children] == [("a", 2100), ("b", 900)]
    assert decision.nothing == {"c": Nothing.SHARE}


def test_thirds_are_thirds() -> None:
    strategy = manifest(
        venues=[venue(name) for name in "abc"], execution={"routing": {"policy": "share"}}
    )
    decision = router_of(strategy, [perp()] * 3).route(BUY, dict.fromkeys(range(3), LIVE))
    assert [each.lots for each in decision.children] == [1000, 1000, 1000]


def test_contracts_are_counted_as_the_base_they_stand_for() -> None:
    contracts = instrument(
        "binance-usdm", "ETHUSDC", "0.01", "1", "1", contract_size=Decimal("0.1")
    )
    strategy = manifest(venues=[venue("perp")])
    decision = router_of(strategy, [contracts]).route(BUY, {0: LIVE})
    assert [child.lots for child in decision.children] == [30]
    assert decision.left == 0


def ladder_router() -> Router:
    strategy = manifest(
        venues=[venue("a", order={"maxBase": "2"}, makerFeeBps="0"), venue("b", makerFeeBps="1")],
        limits={**LIMITS, "maxVenueBase": "2.5"},
    )
    return router_of(strategy, [perp(), perp()])


def test_a_ladder_fills_rooms_level_by_level_and_carries_what_is_left() -> None:
    wants = [
        Want(1, 2 * UNITS + 1, 2679 * UNITS),
        Want(1, 2 * UNITS, 2678 * UNITS),
        Want(-1, UNITS // 2, 2681 * UNITS),
        Want(1, 3 * UNITS, 2677 * UNITS),
    ]
    found = ladder_router().ladder(wants, {0: LIVE, 1: LIVE})
    a, b = found.shares[0], found.shares[1]
    assert a.bids == ((267_900, 2000), (267_800, 500))
    assert b.bids == ((267_800, 1500), (267_700, 1000))
    assert (a.asks, b.asks) == (((268_100, 500),), ())
    assert (found.left_buy, found.left_sell) == (2 * UNITS + 1, 0)
    assert found.nothing == {}


def test_a_ladder_carries_less_than_a_lot_until_it_is_one() -> None:
    wants = [Want(1, 600 * UNITS // 10**6, price * UNITS) for price in (2679, 2678, 2677)]
    found = ladder_router().ladder(wants, {0: LIVE})
    assert found.shares[0].bids == ((267_800, 1),)
    assert found.left_buy == 800 * UNITS // 10**6
    assert found.nothing == {"b": Nothing.STALE}


def test_a_ladder_counts_every_quote_against_the_budget() -> None:
    wants = [Want(1, UNITS // 10, price * UNITS) for price in (2679, 2678, 2677)]
    found = ladder_router().ladder(wants, {0: LIVE._replace(orders_left=2)})
    assert len(found.shares[0].bids) == 2
    assert found.left_buy == UNITS // 10


@pytest.mark.parametrize(
    "want",
    [
        BUY._replace(side=0),
        BUY._replace(size=-1),
        BUY._replace(price=0),
        BUY._replace(price=-1),
        BUY._replace(size=1 << 96),
    ],
)
def test_orders_that_cannot_be_are_refused(want: Want) -> None:
    with pytest.raises(RouteError):
        single(LIVE, want)


def test_a_quote_that_takes_is_refused() -> None:
    with pytest.raises(RouteError):
        ladder_router().ladder([TAKE], {0: LIVE})


def test_what_cannot_be_counted_is_refused_by_its_name() -> None:
    fine = manifest(venues=[venue("perp", makerFeeBps="1.00001")])
    with pytest.raises(ConfigError, match=r"spec\.venues\[0\]\.makerFeeBps"):
        router_of(fine, [perp()])
    small = instrument("binance-usdm", "ETHUSDC", "0.0000000000001", "0.001", "0.001")
    with pytest.raises(ConfigError, match=r"spec\.venues\[0\]: a tick of ETHUSDC"):
        router_of(manifest(), [small])


def test_an_order_that_is_too_small_and_too_large_at_once_is_refused() -> None:
    strategy = manifest(venues=[venue("perp")])
    with pytest.raises(ConfigError, match=r"spec\.venues\[0\]\.order"):
        router_of(strategy, [perp(min_quantity=Decimal(1), max_quantity=Decimal("0.5"))])


def test_without_venues_there_is_no_router() -> None:
    with pytest.raises(ConfigError, match="no venue"):
        Router(manifest(), [])


@settings(max_examples=150, deadline=None)
@given(world=worlds(apart=True))
def test_what_is_given_passes_the_accounts_gate(world: Routed) -> None:
    world.states = {
        at: state._replace(open_buys=0, open_sells=0, orders_left=min(state.orders_left, 20))
        for at, state in world.states.items()
    }
    decision = decide(world)
    check(world, decision)
    for at, (traded, state) in enumerate(
        zip(world.instruments, world.states.values(), strict=True)
    ):
        product = AccountVenue(at, world.strategy.spec.venues[at], traded)
        rows = journal_instruments(world.strategy, [product])
        table = OrderTable([(row.group, row.unit) for row in rows])
        table.set_position(at, state.position)
        gate = make_gate(world.strategy, [product], table)
        gate.fence(7)
        gate.see_book(at, state.fresh, NOW)
        middle = round(100 / world.tick(at))
        gate.see_reference(at, middle, middle, NOW)
        gate.see_clock(0, NOW)
        gate.set_state(state.gate)
        for number, child in enumerate(decision.children):
            if child.instrument != at:
                continue
            said = gate.approve(
                command(
                    f"ours-{number}",
                    NEW,
                    instrument=at,
                    side=child.side,
                    price=child.price,
                    quantity=child.lots,
                    token=7,
                ),
                NOW + number,  # two alike at one time are a slip: see duplicateWindow
            )
            assert not isinstance(said, Refusal), (said, child)
