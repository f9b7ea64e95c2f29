"""What can only be wrong between fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from manifests import LIMITS, VENUE, small
from test_loading import faults

from alp.strategy import load_manifest

TOKEN = "0x0000000000000000000000000000000000000001"


def pool(**changes: Any) -> dict[str, Any]:
    content = small()
    content["spec"]["pool"] |= changes
    return content


class TestPool:
    def test_a_misspelt_chain_is_answered_with_the_known_ones(self) -> None:
        message = faults(pool(chain="etherium"))["spec.pool.chain"]
        assert message.startswith("'etherium' is not a chain alp knows; did you mean ethereum?")
        assert "known: arbitrum, base, ethereum, optimism, polygon" in message

    def test_an_unknown_token_is_answered_with_the_known_ones(self) -> None:
        message = faults(pool(base="WETHH"))["spec.pool.base"]
        assert message.startswith(
            "'WETHH' is not a token alp knows on ethereum; did you mean WETH?"
        )
        assert "spec.pool.tokens" in message

    def test_base_and_quote_differ(self) -> None:
        assert faults(pool(quote="WETH")) == {"spec.pool.quote": "'WETH' is the base token too"}

    def test_token_order_follows_from_the_addresses(self) -> None:
        assert load_manifest(pool()).pair().base_is_token0 is False
        assert load_manifest(pool(chain="arbitrum")).pair().base_is_token0 is True

    def test_a_wrong_token_order_is_refused(self) -> None:
        message = faults(pool(baseIsToken0=True))["spec.pool.baseIsToken0"]
        assert message.startswith("true contradicts the addresses: 0xC02a")

    def test_the_right_token_order_may_be_written(self) -> None:
        assert load_manifest(pool(baseIsToken0=False)).pair().base_is_token0 is False

    def test_an_unknown_token_needs_its_decimals_and_address_or_order(self) -> None:
        tokens = [{"symbol": "FOO", "decimals": 4}]
        assert faults(pool(base="FOO", tokens=tokens)) == {
            "spec.pool.baseIsToken0": "is required, because the address of FOO is not known"
        }
        pair = load_manifest(pool(base="FOO", tokens=tokens, baseIsToken0=True)).pair()
        assert (pair.base_decimals, pair.base_is_token0) == (4, True)
        with_address = [tokens[0] | {"address": TOKEN}]
        assert load_manifest(pool(base="FOO", tokens=with_address)).pair().base_is_token0 is True

    def test_a_listed_token_overrides_a_known_one(self) -> None:
        tokens = [{"symbol": "USDC", "decimals": 7, "address": TOKEN}]
        assert load_manifest(pool(tokens=tokens)).pair().quote_decimals == 7

    def test_a_listed_token_must_be_used_and_listed_once(self) -> None:
        tokens = [{"symbol": "FOO", "decimals": 4, "address": TOKEN}] * 2
        assert faults(pool(tokens=tokens)) == {
            "spec.pool.tokens[0].symbol": "'FOO' is neither base (WETH) nor quote (USDC)",
            "spec.pool.tokens[1].symbol": "'FOO' is listed twice",
        }

    def test_two_tokens_cannot_share_an_address(self) -> None:
        tokens = [{"symbol": s, "decimals": 4, "address": TOKEN} for s in ("FOO", "BAR")]
        message = faults(pool(base="FOO", quote="BAR", tokens=tokens))["spec.pool.tokens"]
        assert message == f"FOO and BAR have the same address, {TOKEN}"

    def test_the_pools_address_is_checked_against_the_factorys(self) -> None:
        right = "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
        assert load_manifest(pool(address=right)).spec.pool.address == right
        wrong = "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8"
        assert faults(pool(address=wrong)) == {
            "spec.pool.address": f"{wrong} is not the WETH/USDC pool of fee tier 500 on ethereum, "
            f"which is {right}"
        }

    def test_an_address_that_cannot_be_checked_is_refused(self) -> None:
        content = pool(
            base="FOO",
            tokens=[{"symbol": "FOO", "decimals": 4}],
            baseIsToken0=True,
            address=TOKEN,
        )
        assert faults(content)["spec.pool.address"].startswith("cannot be checked")

    def test_another_chain_is_described_by_its_id_and_factory(self) -> None:
        tokens = [
            {"symbol": "WETH", "decimals": 18, "address": TOKEN},
            {"symbol": "USDC", "decimals": 6, "address": TOKEN[:-1] + "2"},
        ]
        described = {"chain": "anvil", "chainId": 31337, "tokens": tokens}
        assert load_manifest(pool(**described)).spec.pool.derived_address() is None
        factory = "0x1F98431c8aD98523631AE4a59f267346ea31F984"
        found = load_manifest(pool(**described, factory=factory)).spec.pool
        assert found.derived_address() is not None
        assert found.network.chain_id == 31337

    def test_a_known_chain_has_its_own_id_and_factory(self) -> None:
        assert faults(pool(chainId=10, factory=TOKEN)) == {
            "spec.pool.chainId": "10 is not ethereum, which is 1",
            "spec.pool.factory": f"{TOKEN} is not ethereum's, which is "
            "0x1F98431c8aD98523631AE4a59f267346ea31F984",
        }


class TestInventory:
    def test_an_amount_finer_than_its_token_is_refused(self) -> None:
        message = faults(small(inventory={"base": "1", "quote": "0.0000001"}))
        assert message == {
            "spec.inventory.quote": "0.0000001 is finer than the token, which has 6 decimals"
        }

    def test_nothing_cannot_be_provided(self) -> None:
        assert list(faults(small(inventory={"base": "0", "quote": 0}))) == ["spec.inventory.quote"]

    def test_one_token_is_enough(self) -> None:
        assert load_manifest(small(inventory={"base": 0, "quote": "1"})).spec.inventory.base == 0


class TestDecisions:
    @pytest.mark.parametrize(
        ("ranges", "field", "message"),
        [
            (
                {"minWidthBps": 300, "maxWidthBps": 200},
                "minWidthBps",
                "300 is more than maxWidthBps, 200",
            ),
            (
                {"baseSpreadBps": 20, "minWidthBps": 100},
                "baseSpreadBps",
                "20 is not between minWidthBps, 100, and maxWidthBps, 2000",
            ),
            (
                {"minWidthBps": 1000},
                "baseSpreadBps",
                "200 (its default) is not between minWidthBps, 1000, and maxWidthBps, 2000",
            ),
        ],
    )
    def test_the_base_spread_lies_between_the_widths(
        self, ranges: dict[str, int], field: str, message: str
    ) -> None:
        assert faults(small(ranges=ranges)) == {f"spec.ranges.{field}": message}

    def test_a_range_narrower_than_a_tick_spacing_cannot_be(self) -> None:
        content = pool(feeTier=10000)
        content["spec"]["ranges"] = {"baseSpreadBps": 50, "maxWidthBps": 100}
        assert list(faults(content)) == ["spec.ranges.maxWidthBps"]

    def test_an_intensity_needs_both_of_its_numbers(self) -> None:
        assert faults(small(model={"intensity": {"A": 1}})) == {
            "spec.model.intensity.k": "is required, because A is given"
        }
        assert load_manifest(small()).spec.model.intensity.calibrated
        both = load_manifest(small(model={"intensity": {"A": 1, "k": Decimal("0.3")}}))
        assert (both.spec.model.intensity.A, both.spec.model.intensity.k) == (1.0, 0.3)

    def test_an_order_is_not_more_than_the_inventory(self) -> None:
        sizes = {"maxInventoryBase": "1", "orderSizeBase": "2"}
        assert faults(small(model=sizes)) == {
            "spec.model.orderSizeBase": "2 is more than maxInventoryBase, 1"
        }

    def test_sizes_left_out_follow_the_inventory(self) -> None:
        model = load_manifest(small()).spec.model
        assert model.sizes(Decimal(4)) == (Decimal(4), Decimal("0.2"))
        chosen = load_manifest(small(model={"orderSizeBase": "1"})).spec.model
        assert chosen.sizes(Decimal(4)) == (Decimal(4), Decimal(1))

    def test_a_half_life_left_out_is_a_quarter_of_the_window(self) -> None:
        content = small(model={"volatility": {"window": "1h"}})
        assert load_manifest(content).spec.model.volatility.half_life == 900 * 10**9

    def test_the_half_life_fits_the_window(self) -> None:
        volatility = {"window": "1h", "halfLife": "2h"}
        assert list(faults(small(model={"volatility": volatility}))) == [
            "spec.model.volatility.halfLife"
        ]
        volatility["estimator"] = "realised"
        load_manifest(small(model={"volatility": volatility}))

    def test_the_horizon_follows_the_model(self) -> None:
        assert load_manifest(small()).spec.model.horizon_in_use == "stationary"
        rolling = load_manifest(small(model={"kind": "AvellanedaStoikov"})).spec.model
        assert rolling.horizon_in_use == "rolling"
        finite = load_manifest(small(model={"horizonKind": "finite"})).spec.model
        assert finite.horizon_in_use == "finite"

    def test_the_closed_form_is_stationary(self) -> None:
        content = small(model={"exact": False, "horizonKind": "rolling"})
        assert faults(content) == {"spec.model.exact": "false needs horizonKind: stationary"}
        load_manifest(small(model={"exact": False}))


class TestVenues:
    def test_a_hedge_needs_a_venue(self) -> None:
        assert faults(small(hedge={"enabled": True})) == {
            "spec.hedge.enabled": "true needs at least one venue in spec.venues"
        }
        load_manifest(small(hedge={"enabled": True}, venues=[VENUE]))

    def test_names_are_unique(self) -> None:
        assert faults(small(venues=[VENUE, VENUE])) == {
            "spec.venues[1].name": "'binance' is the name of another venue"
        }

    def test_an_order_fits_the_venues_limit(self) -> None:
        content = small(venues=[VENUE | {"order": {"maxBase": "5"}}], limits={"maxVenueBase": "4"})
        assert faults(content) == {
            "spec.venues[0].order.maxBase": "5 is more than limits.maxVenueBase, 4"
        }

    def test_order_bounds_are_ordered(self) -> None:
        order = {"minBase": "2", "maxBase": "1"}
        assert faults(small(venues=[VENUE | {"order": order}])) == {
            "spec.venues[0].order.minBase": "2 is more than maxBase, 1"
        }

    @pytest.mark.parametrize("fee", ["-101", "1001"])
    def test_an_implausible_fee_is_refused(self, fee: str) -> None:
        assert faults(small(venues=[VENUE | {"makerFeeBps": fee}])) == {
            "spec.venues[0].makerFeeBps": f"{fee} is outside -100 to 1000; 1 % is 100 bps"
        }

    @pytest.mark.parametrize(
        ("shares", "expected"),
        [
            ([None], ["1"]),
            ([None, None], ["0.5", "0.5"]),
            (["0.7", None], ["0.7", "0.3"]),
            (["0.7", "0.3"], ["0.7", "0.3"]),
            (["1", None], ["1", "0"]),
        ],
    )
    def test_shares_left_out_are_the_rest(
        self, shares: list[str | None], expected: list[str]
    ) -> None:
        venues = [
            VENUE | {"name": f"v{i}"} | ({"share": Decimal(share)} if share else {})
            for i, share in enumerate(shares)
        ]
        found = load_manifest(small(venues=venues)).spec.venue_shares()
        assert list(found.values()) == [Decimal(each) for each in expected]

    @pytest.mark.parametrize(
        ("shares", "message"),
        [
            (["0.7", "0.4"], "the shares add up to 1.1, which is more than 1"),
            (["0.7", "0.2"], "the shares add up to 0.9; they must add up to 1"),
        ],
    )
    def test_shares_add_up_to_one(self, shares: list[str], message: str) -> None:
        venues = [
            VENUE | {"name": f"v{i}", "share": Decimal(share)} for i, share in enumerate(shares)
        ]
        assert faults(small(venues=venues)) == {"spec.venues": message}


def keyed(name: str, secret: dict[str, str], **more: Any) -> dict[str, Any]:
    return VENUE | {"name": name, "credentials": {"secretRef": secret}} | more


class TestAccounts:
    def test_two_accounts_at_one_exchange_have_names_of_their_own(self) -> None:
        first, second, third, fourth = load_manifest(
            small(
                venues=[
                    keyed("a", {"name": "keys", "key": "one"}),
                    keyed("b", {"name": "keys", "key": "two"}),
                    keyed("c", {"name": "keys"}),
                    VENUE | {"name": "d"},
                ]
            )
        ).spec.venues
        names = [each.account for each in (first, second, third, fourth)]
        assert names == [
            "binance-usdm-keys.one",
            "binance-usdm-keys.two",
            "binance-usdm-keys",
            "binance-usdm-d",
        ]

    def test_one_account_may_trade_several_products(self) -> None:
        keys = {"name": "keys"}
        first, second = load_manifest(
            small(venues=[keyed("a", keys), keyed("b", keys, symbol="ETHUSDT")])
        ).spec.venues
        assert first.is_account_of(second)
        assert first.account == second.account

    def test_one_account_trades_a_product_once(self) -> None:
        keys = {"name": "keys"}
        assert faults(small(venues=[keyed("a", keys), keyed("b", keys)])) == {
            "spec.venues[1].symbol": "ETHUSDC is traded by venue 'a' with the same account"
        }

    @pytest.mark.parametrize(
        "other",
        [
            VENUE | {"name": "keys"},
            keyed("b", {"name": "keys"}, endpoints={"rest": "http://localhost:1"}),
        ],
    )
    def test_two_accounts_are_not_called_the_same(self, other: dict[str, Any]) -> None:
        message = faults(small(venues=[keyed("a", {"name": "keys"}), other]))["spec.venues[1]"]
        assert message.startswith("is another account than venue 'a', and both would be called")


class TestRouting:
    def test_the_default_is_the_best_price(self) -> None:
        routing = load_manifest(small()).spec.execution.routing
        assert (routing.policy, routing.lean_bps, routing.max_slippage_bps) == ("bestPrice", 10, 20)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("policy", "cheapest"),
            ("leanBps", 0),
            ("leanBps", 1001),
            ("maxSlippageBps", 0),
            ("maxSlippageBps", 10_001),
        ],
    )
    def test_what_cannot_be_is_refused_by_its_name(self, field: str, value: object) -> None:
        found = faults(small(execution={"routing": {field: value}}))
        assert list(found) == [f"spec.execution.routing.{field}"]


class TestLiveMode:
    def test_live_mode_needs_wallet_credentials_and_limits(self) -> None:
        content = small(mode="live", hedge={"enabled": True}, venues=[VENUE])
        assert set(faults(content)) == {
            "spec.wallet",
            "spec.venues[0].credentials",
            "spec.limits.maxNetBase",
            "spec.limits.maxVenueBase",
            "spec.limits.maxOrderNotional",
            "spec.limits.maxDrawdownBps",
        }

    def test_a_complete_live_manifest_is_accepted(self) -> None:
        secret = {"secretRef": {"name": "keys"}}
        content = small(
            mode="live",
            wallet=secret,
            hedge={"enabled": True},
            venues=[VENUE | {"credentials": secret}],
            limits=LIMITS,
        )
        assert load_manifest(content).spec.mode == "live"

    @pytest.mark.parametrize("mode", ["paper", "shadow"])
    def test_other_modes_need_none_of_it(self, mode: str) -> None:
        load_manifest(small(mode=mode, hedge={"enabled": True}, venues=[VENUE]))


class TestBacktest:
    def test_a_window_ends_after_it_starts(self) -> None:
        window = {"start": "2024-01-06", "end": "2024-01-05T12:00:00Z"}
        assert faults(small(backtest={"window": window})) == {
            "spec.backtest.window.end": "is not after start, 2024-01-06T00:00:00Z"
        }

    def test_a_base_fee_series_needs_its_data(self) -> None:
        assert faults(small(backtest={"gas": {"model": "series"}})) == {
            "spec.backtest.data.baseFee": "is required, because gas.model is series"
        }

    def test_arbitrage_needs_candles_and_no_pool(self) -> None:
        content = small(backtest={"fidelity": "arbitrage", "data": {"pool": {"path": "x"}}})
        assert set(faults(content)) == {"spec.backtest.data.candles", "spec.backtest.data.pool"}

    def test_one_of_path_and_paths_is_given(self) -> None:
        both = {"path": "a", "paths": ["b"]}
        assert list(faults(small(backtest={"data": {"pool": both}}))) == [
            "spec.backtest.data.pool.paths"
        ]
        assert faults(small(backtest={"data": {"pool": {}}})) == {
            "spec.backtest.data.pool.path": "is required (or paths)"
        }

    def test_files_are_those_of_either(self) -> None:
        data = {"pool": {"path": "a"}, "candles": {"paths": ["b", "c"]}}
        found = load_manifest(small(backtest={"data": data})).spec.backtest.data
        assert found.pool is not None
        assert found.candles is not None
        assert (found.pool.files, found.candles.files) == (("a",), ("b", "c"))

    def test_what_is_said_about_a_file_becomes_reading_options(self) -> None:
        from alp.data import ReadOptions

        said = {
            "path": "a",
            "direction": "basePerQuote",
            "period": "5m",
            "tickSize": "0.01",
            "lotSize": "0.001",
            "utcOffsetHours": 8,
            "strict": False,
        }
        found = load_manifest(small(backtest={"data": {"candles": said}})).spec.backtest.data
        assert found.candles is not None
        options = ReadOptions.of(None, found.candles.options())
        assert options.period_ns == 300 * 10**9
        assert options.direction == "basePerQuote"
        assert (options.tick_size, options.lot_size) == (Decimal("0.01"), Decimal("0.001"))
        assert (options.utc_offset_hours, options.strict) == (8, False)

    def test_nothing_said_means_no_options(self) -> None:
        data = load_manifest(
            small(backtest={"data": {"candles": {"path": "a"}}})
        ).spec.backtest.data
        assert data.candles is not None
        assert data.candles.options() == {}

    def test_a_path_means_a_snapshot(self) -> None:
        data = load_manifest(small(backtest={"data": {"liquidity": {"path": "l"}}})).spec.backtest
        assert data.data.liquidity.source == "snapshot"

    @pytest.mark.parametrize(
        ("liquidity", "message"),
        [
            ({"source": "snapshot"}, "is required, because source is snapshot"),
            ({"source": "none", "path": "l"}, "is not read, because source is none"),
        ],
    )
    def test_a_snapshot_and_its_path_belong_together(
        self, liquidity: dict[str, str], message: str
    ) -> None:
        assert faults(small(backtest={"data": {"liquidity": liquidity}})) == {
            "spec.backtest.data.liquidity.path": message
        }

    def test_a_markout_is_listed_once(self) -> None:
        assert faults(small(backtest={"markouts": ["60s", "1m"]})) == {
            "spec.backtest.markouts": "lists a duration twice"
        }

    def test_an_exit_is_a_burn_and_a_collect(self) -> None:
        units = load_manifest(small(backtest={"gas": {"units": {"burn": 1, "collect": 2}}}))
        assert units.spec.backtest.gas.units.exit == 3
