"""What a manifest means, in facts, sentences and settings; and what there is to advise."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from manifests import MINIMAL, VENUE, small

from alp.strategy import load_manifest
from alp.strategy.checking import check_file
from alp.strategy.explain import field_at, in_words, pool_facts, ranges_at, settings

ROOT = Path(__file__).resolve().parents[2]


def words(**sections: Any) -> str:
    return "\n".join(in_words(load_manifest(small(**sections))))


class TestFacts:
    def test_the_pools_address_order_and_spacing_are_derived(self) -> None:
        facts = pool_facts(load_manifest(small()))
        assert facts["address"] == "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
        assert facts["token order"] == "token0 is USDC, token1 is WETH; prices are USDC per WETH"
        assert facts["tick spacing"].startswith("10:")
        assert facts["fee"].startswith("0.05 %")
        assert facts["gas"] == "paid in ETH, valued at the pool's own price"

    def test_an_address_that_cannot_be_derived_is_said_to_be_unknown(self) -> None:
        content = small()
        content["spec"]["pool"] |= {
            "base": "FOO",
            "tokens": [{"symbol": "FOO", "decimals": 18}],
            "baseIsToken0": True,
        }
        facts = pool_facts(load_manifest(content))
        assert facts["address"].startswith("unknown")
        assert facts["gas"] == "paid in ETH"


class TestRanges:
    def test_both_sides_touch_the_price_and_hold_one_token_each(self) -> None:
        shown = ranges_at(load_manifest(small()), Decimal(2250))
        assert [(each.title, each.side) for each in shown[:2]] == [
            ("first mint", "bid"),
            ("first mint", "ask"),
        ]
        bid, ask = shown[:2]
        assert bid.price_lower < bid.price_upper <= 2250 <= ask.price_lower < ask.price_upper
        assert bid.tick_lower % 10 == bid.tick_upper % 10 == 0

    def test_widths_are_those_of_the_manifest_snapped_outward(self) -> None:
        ranges = {"baseSpreadBps": 105, "minWidthBps": 5, "maxWidthBps": 105}
        by_title = {
            each.title: each.width_bps
            for each in ranges_at(load_manifest(small(ranges=ranges)), Decimal(2250))
        }
        assert by_title["first mint"] == pytest.approx(110.6, abs=0.1)
        assert by_title["narrowest"] == pytest.approx(10, abs=0.1)
        assert by_title["widest"] == by_title["first mint"]

    def test_an_ask_is_above_the_price_whichever_token_is_token0(self) -> None:
        content = small()
        content["spec"]["pool"]["chain"] = "arbitrum"
        bid, ask, *_ = ranges_at(load_manifest(content), Decimal(2250))
        assert (bid.side, ask.side) == ("bid", "ask")
        assert bid.price_upper <= 2250 <= ask.price_lower


class TestWords:
    def test_thresholds_are_percentages(self) -> None:
        said = words(rebalance={"inventoryDeviationBps": 4000, "priceMoveBps": 125})
        assert "depleted by more than 40 % or the price moved by more than 1.25 %" in said

    def test_a_trigger_that_is_off_is_not_mentioned(self) -> None:
        assert "depleted" not in words(rebalance={"inventoryDeviationBps": 10_000})
        assert "the price moved" not in words(rebalance={"priceMoveBps": 0})
        off = {"inventoryDeviationBps": 10_000, "priceMoveBps": 0}
        assert "Never rebalances" in words(rebalance=off)

    def test_guards_that_are_off_are_not_mentioned(self) -> None:
        said = words(rebalance={"cooldown": "0s", "twapGuardBps": 0})
        assert "Refuses it for gas above 50 USDC." in said
        assert "average" not in said

    def test_the_benefit_is_explained_or_said_to_be_ignored(self) -> None:
        assert "beat staying by gas and swap, 10 % of them on top, and 0 USDC" in words()
        assert "its benefit is not weighed" in words(rebalance={"weighBenefit": False})

    def test_the_model_tells_its_horizon_and_where_its_numbers_come_from(self) -> None:
        assert "GLFT, stationary horizon" in words()
        assert "calibrated from the last 1d" in words()
        said = words(model={"kind": "AvellanedaStoikov", "intensity": {"A": 2, "k": 0.5}})
        assert "AvellanedaStoikov, rolling horizon of 1h" in said
        assert "A = 2/s, k = 0.5/USDC" in said

    def test_the_hedge_tells_ratio_band_and_shares(self) -> None:
        assert "Does not hedge." in words()
        said = words(hedge={"enabled": True, "noTradeBandBase": "0.5"}, venues=[VENUE])
        assert "minimum-variance ratio of the last 1d" in said
        assert "exceeds 0.5 WETH (binance 100 %)" in said
        assert "0.8 times" in words(hedge={"enabled": True, "ratio": "0.8"}, venues=[VENUE])

    def test_live_trading_is_said_aloud(self) -> None:
        secret = {"secretRef": {"name": "keys"}}
        limits = {"maxNetBase": "1", "maxDrawdownBps": 100}
        assert "Trades live" in words(mode="live", wallet=secret, limits=limits)


class TestSettings:
    def test_what_was_given_and_what_is_default_are_told_apart(self) -> None:
        strategy = load_manifest(small(rebalance={"cooldown": "10m"}, venues=[VENUE]))
        given = {each.where: each.given for each in settings(strategy)}
        assert given["spec.rebalance.cooldown"] is True
        assert given["spec.rebalance.twapWindow"] is False
        assert given["spec.venues[0].name"] is True
        assert given["spec.venues[0].takerFeeBps"] is False

    def test_one_field_is_looked_up_with_its_value(self) -> None:
        strategy = load_manifest(small(venues=[VENUE]))
        entry, value, given = field_at(strategy, ("spec", "venues", 0, "symbol"))
        assert entry is not None
        assert (value, given) == ("ETHUSDC", True)
        _, value, given = field_at(strategy, ("spec", "venues", 0, "share"))
        assert (value, given) == (None, False)
        entry, _, _ = field_at(strategy, ("spec", "nothing"))
        assert entry is None


class TestAdvice:
    def advice(self, tmp_path: Path, text: str) -> dict[str, str]:
        path = tmp_path / "s.yaml"
        path.write_text(text)
        report = check_file(path)
        assert report.problems == ()
        return {each.field: each.message for each in report.advice}

    def test_a_sound_manifest_gets_none(self, tmp_path: Path) -> None:
        assert self.advice(tmp_path, MINIMAL) == {}

    def test_an_unquoted_decimal_is_exact_but_not_for_kubernetes(self, tmp_path: Path) -> None:
        text = MINIMAL.replace('"1"', "1.50") + "  model: {riskAversion: 0.25}\n"
        assert self.advice(tmp_path, text) == {
            "spec.inventory.base": '1.50 is exact here, but Kubernetes needs quotes: "1.50"'
        }

    def test_a_missing_file_is_named_with_its_whole_path(self, tmp_path: Path) -> None:
        text = MINIMAL + "  backtest: {data: {pool: {paths: [a.csv, b.csv]}}}\n"
        (tmp_path / "a.csv").touch()
        assert self.advice(tmp_path, text) == {
            "spec.backtest.data.pool.paths[1]": f"there is no file {tmp_path / 'b.csv'}"
        }

    def test_settings_without_effect_are_named(self, tmp_path: Path) -> None:
        text = MINIMAL.replace("500", "10000") + (
            "  rebalance: {inventoryDeviationBps: 10000, priceMoveBps: 0}\n"
            "  venues: [{name: a, exchange: kraken-spot, symbol: ETH/USDC}]\n"
        )
        assert set(self.advice(tmp_path, text)) == {
            "spec.rebalance",
            "spec.venues",
            "spec.ranges.minWidthBps",
        }

    def test_a_refused_file_is_a_report_too(self, tmp_path: Path) -> None:
        report = check_file(tmp_path / "none.yaml")
        assert report.strategy is None
        assert [problem.message for problem in report.problems] == ["there is no such file"]

    @pytest.mark.parametrize(
        "path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem
    )
    def test_the_examples_are_right_and_need_no_advice(self, path: Path) -> None:
        report = check_file(path)
        assert report.problems == report.advice == ()
