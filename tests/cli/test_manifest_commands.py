"""``alp validate``, ``explain``, ``schema`` and ``convert-config`` as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from alp.cli.app import root
from alp.errors import ExitCode
from alp.strategy import load_manifest
from alp.strategy.generate import crd_yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = str(ROOT / "examples" / "eth-usdc.yaml")
EXAMPLES = sorted(str(path) for path in (ROOT / "examples").glob("*.yaml"))

BAD = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {name: bad}
spec:
  pool: {chain: ethereum, base: WETH, quote: USDC, feeTier: 400}
  inventory: {base: "1", quote: "2500"}
  venues:
  - {name: a, exchange: kraken-spot, symbol: ETH/USDC, apiKey: hunter2}
"""


def invoke(*arguments: str) -> click.testing.Result:
    return CliRunner().invoke(root, list(arguments))


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return str(path)


class TestValidate:
    def test_every_example_is_right(self) -> None:
        result = invoke("validate", *EXAMPLES)
        assert result.exit_code == ExitCode.OK
        lines = result.stdout.splitlines()
        assert len(lines) == len(EXAMPLES)
        assert lines[EXAMPLES.index(EXAMPLE)].startswith(f"{EXAMPLE}: ok: eth-usdc, ")

    def test_every_fault_is_a_line_and_no_secret_is_printed(self, bad: str) -> None:
        result = invoke("validate", bad)
        assert result.exit_code == ExitCode.CONFIG
        first, second = result.stdout.splitlines()
        assert first == (
            f"{bad}:5: spec.pool.feeTier: 400 is not allowed; allowed: 100, 500, 3000, 10000"
        )
        assert second.startswith(f"{bad}:8: spec.venues[0].apiKey: holds a secret in plain text")
        assert "hunter2" not in result.output

    def test_a_wrong_file_does_not_hide_the_others(self, bad: str) -> None:
        result = invoke("validate", bad, EXAMPLE, "none.yaml")
        assert result.exit_code == ExitCode.CONFIG
        assert f"{EXAMPLE}: ok" in result.stdout
        assert "none.yaml: there is no such file" in result.stdout

    def test_as_data(self, bad: str) -> None:
        result = invoke("validate", "--json", bad, EXAMPLE)
        assert result.exit_code == ExitCode.CONFIG
        wrong, right = json.loads(result.stdout)
        assert (wrong["ok"], right["ok"]) == (False, True)
        assert wrong["problems"][0] == {
            "field": "spec.pool.feeTier",
            "message": "400 is not allowed; allowed: 100, 500, 3000, 10000",
            "line": 5,
            "column": 52,
        }
        assert right["fingerprint"] == load_manifest(EXAMPLE).fingerprint()
        assert "hunter2" not in result.output

    def test_advice_is_printed_and_strict_refuses_it(self, tmp_path: Path) -> None:
        path = tmp_path / "s.yaml"
        path.write_text(Path(EXAMPLE).read_text())
        result = invoke("validate", str(path))
        assert result.exit_code == ExitCode.OK
        assert "there is no file" in result.stdout
        assert "(advice)" in result.stdout
        assert invoke("validate", "--strict", str(path)).exit_code == ExitCode.CONFIG
        assert invoke("validate", "--strict", EXAMPLE).exit_code == ExitCode.OK

    def test_a_dash_is_standard_input(self) -> None:
        text = Path(EXAMPLE).read_text()
        for arguments in (["validate", "-"], ["explain", "-"]):
            result = CliRunner().invoke(root, arguments, input=text)
            assert result.exit_code == ExitCode.OK
            assert "eth-usdc" in result.stdout
        refused = CliRunner().invoke(root, ["explain", "-"], input="- no mapping")
        assert "alp: standard input:1: is not a mapping" in refused.stderr

    def test_it_needs_a_file(self) -> None:
        assert invoke("validate").exit_code == ExitCode.USAGE


class TestExplain:
    def test_it_tells_facts_decisions_and_settings(self) -> None:
        shown = invoke("explain", EXAMPLE).stdout
        assert shown.startswith("eth-usdc: WETH/USDC 5 bps on ethereum\n")
        assert load_manifest(EXAMPLE).fingerprint() in shown
        assert "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640" in shown
        assert "Considers a rebalance when a token is depleted by more than 40 %" in shown
        assert "\n  spec.rebalance.cooldown " in shown
        assert "\n· spec.rebalance.retry " in shown
        assert "Ranges in ticks: add --price" in shown

    def test_with_a_price_it_shows_ticks(self) -> None:
        shown = invoke("explain", EXAMPLE, "--price", "2250").stdout
        assert "Ranges at 2250 USDC per WETH, tick 199133" in shown
        assert "first mint  bid  [199140, 199240)" in shown

    def test_as_data(self) -> None:
        found = json.loads(invoke("explain", EXAMPLE, "--json", "--price", "2250").stdout)
        assert found["effective"] == load_manifest(EXAMPLE).effective()
        assert found["ranges"][0]["tick_lower"] == 199140
        cooldown = {"field": "spec.rebalance.cooldown", "value": "10m", "given": True}
        assert cooldown in found["settings"]

    def test_one_field_is_explained_from_its_docstring(self) -> None:
        shown = invoke("explain", EXAMPLE, "spec.rebalance.maxGasQuote").stdout
        assert shown.splitlines() == [
            "spec.rebalance.maxGasQuote: exact number, quote",
            "  A rebalance whose gas costs more is refused, whatever it promises.",
            "  allowed: ≥ 0",
            "  here: 100 (given)",
            "  default: 50",
        ]

    def test_a_field_of_a_list_is_explained_with_its_own_value(self) -> None:
        shown = invoke("explain", EXAMPLE, "spec.venues[0].exchange").stdout
        assert "here: binance-spot (given)" in shown
        assert "here: - (not set)" in invoke("explain", EXAMPLE, "spec.venues[0].share").stdout

    def test_a_section_lists_its_fields(self) -> None:
        shown = invoke("explain", EXAMPLE, "spec.hedge").stdout
        assert "    ratio " in shown

    def test_a_field_as_data(self) -> None:
        found = json.loads(invoke("explain", EXAMPLE, "spec.pool.feeTier", "--json").stdout)
        assert (found["value"], found["required"], found["given"]) == (500, True, True)
        assert found["allowed"] == "100, 500, 3000, 10000"

    @pytest.mark.parametrize(
        ("field", "hint"),
        [
            ("cooldown", "did you mean spec.rebalance.cooldown?"),
            ("spec.rebalance.coldown", "did you mean spec.rebalance.cooldown?"),
            ("xyzzy", "a manifest has no field xyzzy"),
        ],
    )
    def test_a_field_that_is_none_is_answered_with_the_near_one(
        self, field: str, hint: str
    ) -> None:
        result = invoke("explain", EXAMPLE, field)
        assert result.exit_code == ExitCode.USAGE
        assert hint in result.stderr

    @pytest.mark.parametrize("price", ["0", "-1", "abc", "nan", "inf"])
    def test_a_price_is_a_positive_number(self, price: str) -> None:
        assert invoke("explain", EXAMPLE, "--price", price).exit_code == ExitCode.USAGE

    def test_a_wrong_manifest_is_refused_with_its_faults(self, bad: str) -> None:
        result = invoke("explain", bad)
        assert result.exit_code == ExitCode.CONFIG
        assert f"alp: {bad}:5: spec.pool.feeTier" in result.stderr
        assert "hunter2" not in result.output


class TestSchema:
    def test_it_prints_the_json_schema(self) -> None:
        schema = json.loads(invoke("schema").stdout)
        assert schema["properties"]["kind"]["enum"] == ["Strategy"]
        assert schema["properties"]["spec"]["properties"]["mode"]["default"] == "paper"

    def test_it_prints_the_committed_crd(self) -> None:
        committed = (ROOT / "k8s" / "crds" / "strategies.alp.dev.yaml").read_text(encoding="utf-8")
        assert invoke("schema", "--crd").stdout == crd_yaml() == committed
        assert yaml.safe_load(committed)["kind"] == "CustomResourceDefinition"


class TestConvertConfig:
    @pytest.fixture
    def old(self, tmp_path: Path) -> str:
        path = tmp_path / "config.py"
        path.write_text('BASE_SPREAD = 0.02\nFEE_TIER = 5\nAPI_KEY = "hunter2"\n')
        return str(path)

    def test_the_manifest_is_printed_and_the_notes_are_on_stderr(self, old: str) -> None:
        result = invoke("convert-config", old)
        assert result.exit_code == ExitCode.OK
        assert load_manifest(result.stdout).spec.pool.fee_tier == 500
        assert "baseSpreadBps: 200  # BASE_SPREAD = 0.02" in result.stdout
        assert "note: FEE_TIER = 5: the original's simulator read it" in result.stderr
        assert "API_KEY" in result.stderr
        assert "hunter2" not in result.output

    def test_it_is_written_to_a_new_file_only(self, old: str, tmp_path: Path) -> None:
        target = tmp_path / "new.yaml"
        assert invoke("convert-config", old, "-o", str(target)).exit_code == ExitCode.OK
        first = target.read_text()
        assert load_manifest(target).name == "converted"
        again = invoke("convert-config", old, "-o", str(target), "--name", "mine")
        assert again.exit_code == ExitCode.USAGE
        assert target.read_text() == first
        forced = invoke("convert-config", old, "-o", str(target), "--name", "mine", "--force")
        assert forced.exit_code == ExitCode.OK
        assert load_manifest(target).name == "mine"

    def test_what_a_person_must_decide_is_said_and_the_status_tells(self, tmp_path: Path) -> None:
        path = tmp_path / "config.py"
        path.write_text("FEE_TIER = 7\n")
        result = invoke("convert-config", str(path))
        assert result.exit_code == ExitCode.CONFIG
        assert "to decide: spec.pool.feeTier: is required" in result.stderr
        decided = invoke("convert-config", str(path), "--fee-tier", "500")
        assert decided.exit_code == ExitCode.OK

    def test_a_name_must_be_a_name(self, old: str) -> None:
        assert invoke("convert-config", old, "--name", "My Strategy").exit_code == ExitCode.USAGE
