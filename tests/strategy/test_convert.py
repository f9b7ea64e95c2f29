"""The original project's settings become a manifest, or it is said why not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alp.errors import ConfigError
from alp.strategy import load_manifest
from alp.strategy.convert import Conversion, convert
from alp.strategy.old_config import OldSetting, read_old_config
from alp.strategy.old_meanings import meaning_of_fee_tier
from alp.strategy.writing import write_yaml

PYTHON = """
import os

BASE_SPREAD = 0.02
REBALANCE_THRESHOLD: float = 0.10
FEE_TIER = 0.0005
MODEL_TYPE = "GLFT"
lower = 1

class Config:
    PRIVATE_KEY = os.getenv("PRIVATE_KEY", "0x" + "a" * 64)
    CHAIN_ID = int(os.getenv("CHAIN_ID", "42161"))
    INVENTORY_RISK_AVERSION = float(os.getenv("INVENTORY_RISK_AVERSION", "0.1"))
    EXECUTION_COST = float(os.environ.get("EXECUTION_COST", 0.001))
    OFFSET = -1.5
    EXCHANGES = ["BINANCE", "KRAKEN"]
    SECRET_KEY = "hunter2"
    COMPUTED = len("x")
    NOTHING = None

raise SystemExit("this must not run")
"""

INI = """\
# the original's example
EXCHANGES=BINANCE,COINBASE,DERIBIT
SYMBOL=ETHUSDC-PERP
MIN_ORDER_QTY=0.01   ; lots
MAX_ORDER_QTY=5.0
API_KEY=your_api_key
SECRET_KEY=hunter2

[TRADER]
MAX_ORDER_VALUE = "20000"
ORD_PUB_ENDPOINT=tcp://127.0.0.1:6002
"""


def settings_of(tmp_path: Path, name: str, text: str) -> dict[str, OldSetting]:
    path = tmp_path / name
    path.write_text(text)
    return {each.name: each for each in read_old_config(path)}


def converted(**values: str) -> Conversion:
    return convert([OldSetting(name, value, "f:1") for name, value in values.items()], "x")


def spec(**values: str) -> dict[str, object]:
    found: dict[str, object] = converted(**values).content["spec"]
    return found


class TestReading:
    def test_python_is_read_without_running_it(self, tmp_path: Path) -> None:
        found = settings_of(tmp_path, "config.py", PYTHON)
        assert {name: each.value for name, each in found.items()} == {
            "BASE_SPREAD": "0.02",
            "REBALANCE_THRESHOLD": "0.10",
            "FEE_TIER": "0.0005",
            "MODEL_TYPE": "GLFT",
            "PRIVATE_KEY": None,
            "CHAIN_ID": "42161",
            "INVENTORY_RISK_AVERSION": "0.1",
            "EXECUTION_COST": "0.001",
            "OFFSET": "-1.5",
            "EXCHANGES": "BINANCE,KRAKEN",
            "SECRET_KEY": None,
            "COMPUTED": None,
            "NOTHING": None,
        }
        assert found["CHAIN_ID"].place == f"{tmp_path / 'config.py'}:12"

    def test_a_secret_is_not_even_kept(self, tmp_path: Path) -> None:
        found = settings_of(tmp_path, "config.py", PYTHON)
        assert found["SECRET_KEY"].secret
        assert found["PRIVATE_KEY"].secret
        assert "hunter2" not in repr(found)

    def test_ini_and_env_lines_are_read(self, tmp_path: Path) -> None:
        found = settings_of(tmp_path, "config.ini", INI)
        assert found["MIN_ORDER_QTY"].value == "0.01"
        assert found["MAX_ORDER_VALUE"] == OldSetting(
            "MAX_ORDER_VALUE", "20000", f"{tmp_path / 'config.ini'}:10"
        )
        assert found["API_KEY"].secret
        env = settings_of(tmp_path, ".env", "export BASE_SPREAD=0.05  # 5 %\nA='x#y'\n")
        assert (env["BASE_SPREAD"].value, env["A"].value) == ("0.05", "x#y")

    def test_json_keeps_the_digits_of_numbers(self, tmp_path: Path) -> None:
        found = settings_of(tmp_path, "b.json", '{"default_initial_balance_0": 3000.10}')
        assert found["DEFAULT_INITIAL_BALANCE_0"].value == "3000.10"

    def test_an_rpc_url_and_key_material_are_secrets_whatever_their_name(
        self, tmp_path: Path
    ) -> None:
        text = (
            "ETHEREUM_RPC_URL=https://node/v3/abc\nOWNER=0x" + "ab" * 32 + "\nTOKEN=0x" + "ab" * 20
        )
        found = settings_of(tmp_path, ".env", text)
        assert [found[name].secret for name in ("ETHEREUM_RPC_URL", "OWNER", "TOKEN")] == [
            True,
            True,
            False,
        ]

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("c.py", "a = (", r"c\.py:1: is not Python"),
            ("c.ini", "a=1\nwhat is this", r"c\.ini:2: is neither NAME=value nor"),
            ("c.json", "{", "is not JSON"),
            ("c.json", "[]", "is not a JSON object"),
        ],
    )
    def test_a_file_that_is_not_what_its_name_says_is_refused(
        self, tmp_path: Path, name: str, text: str, message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            settings_of(tmp_path, name, text)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no such file"):
            read_old_config(tmp_path / "none.py")

    def test_a_file_that_is_not_text_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "c.ini"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigError, match="cannot be read as text"):
            read_old_config(path)


class TestFeeTier:
    @pytest.mark.parametrize(
        ("written", "tier"),
        [
            ("0.0001", 100), ("0.0005", 500), ("0.003", 3000), ("0.01", 10000),
            ("1", 100), ("5", 500), ("30", 3000), ("50", 500), ("100", 10000),
            ("500", 500), ("3000", 3000), ("10000", 10000), ("7", None), ("0.05", None),
        ],
    )  # fmt: skip
    def test_each_way_of_writing_it_has_one_meaning_or_none(
        self, written: str, tier: int | None
    ) -> None:
        assert meaning_of_fee_tier(Decimal(written))[0] == tier

    def test_the_ambiguity_is_explained_every_time(self) -> None:
        for written in ("5", "30", "50", "100", "500", "3000", "7"):
            notes = "\n".join(converted(FEE_TIER=written).notes)
            assert (
                f"FEE_TIER = {written}: the original's simulator read it as basis points" in notes
            )

    def test_one_hundred_names_the_other_reading(self) -> None:
        assert any("--fee-tier 100" in note for note in converted(FEE_TIER="100").notes)

    def test_a_choice_overrides_the_file(self) -> None:
        result = convert([OldSetting("FEE_TIER", "100", "f:1")], "x", fee_tier=100)
        assert result.content["spec"]["pool"]["feeTier"] == 100

    def test_a_tier_that_means_nothing_is_left_to_decide(self) -> None:
        result = converted(FEE_TIER="7")
        assert "feeTier" not in result.content["spec"]["pool"]
        assert result.problems() == ["spec.pool.feeTier: is required"]


class TestConversion:
    def test_fractions_and_percentages_become_basis_points(self) -> None:
        found = spec(
            BASE_SPREAD="0.15",
            MIN_RANGE_PERCENTAGE="2",
            MAX_RANGE_PERCENTAGE="50",
            REBALANCE_THRESHOLD="0.4",
            EXECUTION_COST="0.001",
        )
        assert found["ranges"] == {"baseSpreadBps": 1500, "minWidthBps": 200, "maxWidthBps": 5000}
        assert found["rebalance"] == {"inventoryDeviationBps": 4000, "priceMoveBps": 4000}
        assert found["model"] == {"executionCostBps": 10}

    @pytest.mark.parametrize(
        ("values", "ranges"),
        [
            (
                {"BASE_SPREAD": "0.01", "MIN_RANGE_PERCENTAGE": "2"},
                {"baseSpreadBps": 200, "minWidthBps": 200},
            ),
            (
                {"BASE_SPREAD": "0.9", "MAX_RANGE_PERCENTAGE": "50"},
                {"baseSpreadBps": 5000, "maxWidthBps": 5000},
            ),
            ({"BASE_SPREAD": "0.001"}, {"baseSpreadBps": 10, "minWidthBps": 10}),
            ({"BASE_SPREAD": "0.3"}, {"baseSpreadBps": 3000, "maxWidthBps": 3000}),
        ],
    )
    def test_a_base_spread_outside_the_widths_is_clamped_as_the_original_did(
        self, values: dict[str, str], ranges: dict[str, int]
    ) -> None:
        assert spec(**values)["ranges"] == ranges
        assert converted(**values).problems() == []

    @pytest.mark.parametrize(
        ("written", "kind"),
        [
            ("GLFT", "GLFT"),
            ("GLFTModel", "GLFT"),
            ("AS", "AvellanedaStoikov"),
            ("AvellanedaStoikovModel", "AvellanedaStoikov"),
        ],
    )
    def test_both_models_are_known_by_all_their_names(self, written: str, kind: str) -> None:
        assert spec(INVENTORY_MODEL=written)["model"] == {"kind": kind}

    def test_a_model_alp_does_not_have_is_named(self) -> None:
        assert any(
            "SimpleModel is no model" in n for n in converted(MODEL_TYPE="SimpleModel").notes
        )

    def test_tokens_are_recognised_by_address_and_ordered_by_role(self) -> None:
        found = spec(
            TOKEN_A_ADDRESS="0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
            TOKEN_B_ADDRESS="0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
            TARGET_INVENTORY_RATIO="0.3",
            DEFAULT_INITIAL_BALANCE_0="2500.0",
            DEFAULT_INITIAL_BALANCE_1="1.0",
        )
        assert found["pool"]["base"] == "WETH"  # type: ignore[index]
        assert found["pool"]["quote"] == "USDC"  # type: ignore[index]
        assert found["inventory"] == {"base": "1", "quote": "2500", "targetBaseShareBps": 7000}

    def test_a_chain_is_known_by_its_id(self) -> None:
        assert spec(CHAIN_ID="8453")["pool"]["chain"] == "base"  # type: ignore[index]
        unknown: Any = spec(CHAIN_ID="31337")["pool"]
        assert (unknown["chain"], unknown["chainId"]) == ("chain-31337", 31337)

    def test_a_window_in_points_becomes_a_duration(self) -> None:
        found = spec(VOLATILITY_WINDOW_SIZE="20", MONITORING_INTERVAL_SECONDS="30")
        assert found["model"] == {"volatility": {"estimator": "realised", "window": "600s"}}

    def test_exchanges_become_venues_with_references_to_their_keys(self, tmp_path: Path) -> None:
        path = tmp_path / "config.ini"
        path.write_text(INI)
        result = convert(read_old_config(path), "x")
        venues = result.content["spec"]["venues"]
        assert [(v["exchange"], v["symbol"]) for v in venues] == [
            ("binance-usdm", "ETHUSDC"),
            ("coinbase-spot", "ETH-USDC"),
        ]
        assert venues[0]["credentials"] == {"secretRef": {"name": "binance"}}
        assert venues[0]["order"] == {"minBase": "0.01", "maxBase": "5"}
        assert result.content["spec"]["limits"] == {"maxOrderNotional": "20000"}
        assert any(note.startswith("deribit is not an exchange") for note in result.notes)
        assert result.problems() == []

    def test_a_secret_is_named_and_not_copied(self, tmp_path: Path) -> None:
        path = tmp_path / "config.py"
        path.write_text(PYTHON)
        result = convert(read_old_config(path), "x")
        notes = "\n".join(result.notes)
        assert f"SECRET_KEY ({path}:17) holds a secret" in notes
        assert "hunter2" not in notes + write_yaml(result.content, result.origins)

    def test_nothing_is_dropped_silently(self) -> None:
        notes = "\n".join(
            converted(MAX_GAS_LIMIT="500000", ZMQ_ENABLED="false", FROBNICATE="1").notes
        )
        assert "MAX_GAS_LIMIT is not needed: what a rebalance may cost" in notes
        assert "not settings of a strategy, left out: ZMQ_ENABLED" in notes
        assert "without a place in the manifest, left out: FROBNICATE" in notes

    def test_a_number_that_is_none_is_left_out_and_named(self) -> None:
        result = converted(BASE_SPREAD="wide")
        assert "ranges" not in result.content["spec"]
        assert "BASE_SPREAD = wide is not a number: left out" in result.notes

    def test_later_settings_override_earlier_ones(self) -> None:
        old = [OldSetting("BASE_SPREAD", value, "f:1") for value in ("0.01", "0.02")]
        assert convert(old, "x").content["spec"]["ranges"] == {"baseSpreadBps": 200}

    def test_what_is_assumed_is_said(self) -> None:
        result = converted()
        assert len([note for note in result.notes if "assumed" in note]) == 5
        assert result.problems() == []

    def test_the_result_is_yaml_with_the_origin_of_every_field(self, tmp_path: Path) -> None:
        result = converted(BASE_SPREAD="0.02", FEE_TIER="5")
        text = write_yaml(result.content, result.origins)
        assert "    baseSpreadBps: 200  # BASE_SPREAD = 0.02\n" in text
        assert "    feeTier: 500  # FEE_TIER = 5\n" in text
        assert load_manifest(text).spec.ranges.base_spread_bps == 200
