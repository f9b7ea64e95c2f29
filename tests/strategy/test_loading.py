"""A manifest is read, or every fault in it is named: field, value, what is allowed, line."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from manifests import MINIMAL, VENUE, small

from alp.errors import ConfigError, ExitCode
from alp.strategy import ManifestError, Strategy, load_manifest, with_values


def faults(content: dict[str, Any]) -> dict[str, str]:
    """Field -> message of everything that is wrong with a manifest."""
    with pytest.raises(ManifestError) as caught:
        load_manifest(content)
    return {problem.field: problem.message for problem in caught.value.problems}


def fault(field: str, value: Any) -> str:
    """What is said about one wrong value, which must be the only fault."""
    section, _, name = field.rpartition(".")
    content = small()
    holder = content
    for key in section.split("."):
        holder = holder.setdefault(key, {})
    holder[name] = value
    found = faults(content)
    assert list(found) == [field]
    return found[field]


def test_the_smallest_manifest_has_defaults_for_everything_else() -> None:
    strategy = load_manifest(MINIMAL)
    assert strategy.name == "small"
    assert strategy.spec.mode == "paper"
    assert strategy.spec.inventory.quote == Decimal(2500)
    assert strategy.spec.rebalance.cooldown == 600 * 10**9
    assert strategy.spec.backtest.markouts == (60 * 10**9, 300 * 10**9, 3600 * 10**9)
    assert strategy.spec.venues == ()


def test_a_file_is_read_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(MINIMAL)
    strategy = load_manifest(path)
    assert strategy.source == path
    assert strategy.data_path("data/x.csv") == tmp_path / "data" / "x.csv"
    assert strategy.data_path("/abs/x.csv") == Path("/abs/x.csv")
    assert load_manifest(str(path)) == strategy


def test_a_manifest_from_a_mapping_has_no_file() -> None:
    strategy = load_manifest(small())
    assert strategy.source is None
    assert strategy.data_path("x.csv") == Path("x.csv")


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: there is no such file") as caught:
        load_manifest(tmp_path / "none.yaml")
    assert caught.value.exit_code is ExitCode.CONFIG


def test_a_folder_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_manifest(tmp_path)


def test_several_faults_are_named_at_once_in_file_order() -> None:
    text = (
        MINIMAL.replace("feeTier: 500", "feeTier: 400").replace('"2500"', "25x") + "  mode: live!\n"
    )
    with pytest.raises(ManifestError) as caught:
        load_manifest(text)
    assert str(caught.value).splitlines() == [
        "manifest:10: spec.pool.feeTier: 400 is not allowed; allowed: 100, 500, 3000, 10000",
        "manifest:13: spec.inventory.quote: '25x' is not a number; write digits with at most one "
        "point, for example 0.05",
        "manifest:14: spec.mode: 'live!' is not allowed; allowed: paper, shadow, live; did you "
        "mean live?",
    ]


def test_the_message_begins_with_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(MINIMAL.replace("feeTier: 500", "feeTier: 400"))
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert str(caught.value) == (
        f"{path}:10: spec.pool.feeTier: 400 is not allowed; allowed: 100, 500, 3000, 10000"
    )


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "3\n"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ManifestError, match="is not a mapping; a manifest begins with apiVersion"):
        load_manifest(text)


def test_another_kind_or_version_is_refused() -> None:
    content = small() | {"kind": "ConfigMap", "apiVersion": "v1"}
    assert faults(content) == {
        "kind": "'ConfigMap' is not allowed; allowed: Strategy",
        "apiVersion": "'v1' is not allowed; allowed: alp.dev/v1alpha1",
    }


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("spec.inventory.base", "x", "'x' is not a number; write digits"),
        ("spec.inventory.base", "1e3", "'1e3' is not a number; write digits"),
        ("spec.inventory.base", "-1", "'-1' must not be negative"),
        ("spec.inventory.base", True, "true is not a number"),
        ("spec.inventory.base", 0.1, '0.1 is a binary float; write it as text: "0.1"'),
        ("spec.inventory.base", [1], "a list is not a number"),
        ("spec.inventory.targetBaseShareBps", 10001, "10001 is out of bounds; allowed: 0 to 10000"),
        ("spec.inventory.targetBaseShareBps", -1, "-1 is out of bounds; allowed: 0 to 10000"),
        ("spec.inventory.targetBaseShareBps", Decimal("0.5"), "0.5 is not a whole number"),
        ("spec.inventory.targetBaseShareBps", "5000", "'5000' is not a whole number"),
        ("spec.model.executionCostBps", 1001, "1001 is out of bounds; allowed: 0 to 1000"),
        ("spec.model.riskAversion", "0.1", "'0.1' is text; write the number without quotes"),
        ("spec.model.riskAversion", 0, "0 must be more than 0"),
        ("spec.model.riskAversion", float("nan"), "nan is not a finite number"),
        ("spec.model.riskAversion", Decimal("1e400"), "1E+400 has more than 78 digits"),
        ("spec.model.inventoryPenalty", -1, "-1 must not be negative"),
        ("spec.model.kind", "glft", "'glft' is not allowed; allowed: GLFT, AvellanedaStoikov; did"),
        ("spec.model.exact", "yes", "'yes' is neither true nor false"),
        ("spec.model.maxInventoryBase", 0, "0 must be more than 0"),
        ("spec.model.horizon", "0s", "'0s' must be longer than nothing"),
        ("spec.rebalance.cooldown", 10, "10 has no unit; for example 10s or 10m"),
        ("spec.rebalance.cooldown", "10", "'10' has no unit; units: ns, us, ms, s, m, h, d, w"),
        ("spec.rebalance.cooldown", "soon", "'soon' is not a duration"),
        ("spec.rebalance.cooldown", [], "a list is not a duration"),
        ("spec.rebalance.lvrWeight", 2, "2 must be between 0 and 1"),
        ("spec.hedge.ratio", "most", "'most' is not a number; write digits with at most one point"),
        ("spec.hedge.ratio", "3", "'3' must be between 0 and 2, or minimumVariance"),
        ("spec.hedge.enabled", 1, "1 is neither true nor false"),
        ("spec.backtest.window.start", "yesterday", "'yesterday' is not a time with its offset"),
        ("spec.backtest.window.start", 5, "5 is not a time; write 2024-01-05T00:00:00Z"),
        ("spec.backtest.seed", -1, "-1 is out of bounds; allowed: 0 to 9007199254740992"),
        ("spec.backtest.markouts", "1m", "must be a list (lines that begin with -)"),
        ("spec.backtest.latency", "20ms", "must be a mapping (indented fields)"),
        ("spec.backtest.data.pool.path", "", "must not be empty"),
        ("spec.backtest.data.pool.path", 3, "3 is not text; put it in quotes"),
        ("spec.pool.address", "0x12", "'0x12' is not an address; write 0x and 40 hexadecimal"),
        ("metadata.name", "My_Strategy", "'My_Strategy' is not allowed; write lower-case letters"),
        ("metadata.name", "a" * 60, "'" + "a" * 59 + "… is longer than 52 characters"),
        ("metadata.labels", {"a": 1}, None),
        ("spec.model.colour", "red", "is not a field here; fields: kind, riskAversion,"),
        ("spec.pool.fee_tier", 500, "is not a field here; did you mean feeTier?"),
        ("spec.cooldown", "5m", "is not a field here; did you mean spec.rebalance.cooldown?"),
        ("spec.window", {}, "is not a field here; did you mean spec.model.volatility.window or"),
        ("spec.rebalence", {}, "is not a field here; did you mean rebalance?"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    field: str, value: Any, message: str | None
) -> None:
    if message is None:
        assert faults(small() | {"metadata": {"name": "x", "labels": {"a": 1}}}) == {
            "metadata.labels.a": "1 is not text; put it in quotes"
        }
    else:
        assert fault(field, value).startswith(message)


def test_what_is_required_is_said_to_be() -> None:
    content = small()
    del content["spec"]["pool"]["chain"]
    del content["metadata"]
    assert faults(content) == {"spec.pool.chain": "is required", "metadata": "is required"}


def test_a_misspelt_required_field_is_one_fault() -> None:
    content = small()
    content["spec"]["pool"]["feetier"] = content["spec"]["pool"].pop("feeTier")
    assert faults(content) == {"spec.pool.feetier": "is not a field here; did you mean feeTier?"}


def test_too_many_entries_are_refused() -> None:
    venues = [VENUE | {"name": f"v{i}"} for i in range(17)]
    assert fault("spec.venues", venues) == "has more than 16 entries"


def test_an_entry_of_a_list_is_named_by_its_index() -> None:
    assert faults(small(backtest={"markouts": ["1m", "5"]})) == {
        "spec.backtest.markouts[1]": "'5' has no unit; units: ns, us, ms, s, m, h, d, w; for "
        "example 5s"
    }
    assert list(faults(small(venues=[VENUE, VENUE | {"name": "b", "fee": 1}]))) == [
        "spec.venues[1].fee"
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (5, "5 bps is 500"),
        (30, "30 bps is 3000"),
        (Decimal("0.0005"), "0.0005 as a fraction is 500"),
        (Decimal("0.3"), "0.3 % is 3000"),
        ("x", None),
    ],
)
def test_a_fee_tier_in_another_unit_is_told_what_it_would_be(
    written: Any, meant: str | None
) -> None:
    message = fault("spec.pool.feeTier", written)
    assert "allowed: 100, 500, 3000, 10000" in message
    assert message.endswith(meant if meant else "10000")


def test_a_field_without_a_value_is_a_field_left_out() -> None:
    assert load_manifest(small(hedge=None, model={"kind": None})) == load_manifest(small(model={}))
    content = small()
    content["spec"]["pool"]["chain"] = None
    assert faults(content) == {"spec.pool.chain": "is required"}


def test_an_object_exported_from_a_cluster_reads_like_its_file() -> None:
    content = small() | {"status": {"phase": "Running"}}
    content["metadata"] |= {
        "namespace": "trading",
        "uid": "3f2b",
        "resourceVersion": "12",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
    }
    assert load_manifest(content).fingerprint() == load_manifest(small()).fingerprint()


def test_a_checksummed_address_with_a_typing_error_is_refused() -> None:
    message = fault(
        "spec.pool.address", "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f564o".replace("o", "1")
    )
    assert "EIP-55 checksum" in message


def test_an_address_in_lower_case_is_read_and_shown_with_its_checksum() -> None:
    content = small()
    content["spec"]["pool"]["address"] = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
    shown = load_manifest(content).spec.pool.address
    assert shown == "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"


class TestWithValues:
    def test_a_value_is_changed_and_the_rest_kept(self) -> None:
        strategy = load_manifest(small(rebalance={"cooldown": "1m"}))
        changed = with_values(strategy, {"spec.rebalance.priceMoveBps": 50})
        assert changed.spec.rebalance.price_move_bps == 50
        assert changed.spec.rebalance.cooldown == strategy.spec.rebalance.cooldown
        assert strategy.spec.rebalance.price_move_bps == 1000

    def test_the_file_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "s.yaml"
        path.write_text(MINIMAL)
        assert with_values(load_manifest(path), {}).source == path

    def test_a_float_means_the_number_it_shows(self) -> None:
        changed = with_values(load_manifest(small()), {"spec.inventory.base": 0.1})
        assert changed.spec.inventory.base == Decimal("0.1")

    def test_an_entry_of_a_list_can_be_changed(self) -> None:
        changed = with_values(load_manifest(small(venues=[VENUE])), {"spec.venues[0].share": 1})
        assert changed.spec.venues[0].share == 1

    def test_none_means_the_default(self) -> None:
        strategy = load_manifest(small(rebalance={"cooldown": "1m"}))
        assert with_values(strategy, {"spec.rebalance.cooldown": None}) == load_manifest(
            small(rebalance={})
        )

    def test_a_change_is_checked(self) -> None:
        with pytest.raises(
            ManifestError, match=r"changed manifest: spec\.ranges\.baseSpreadBps: 9000"
        ):
            with_values(load_manifest(small()), {"spec.ranges.baseSpreadBps": 9000})

    @pytest.mark.parametrize("path", ["spec.venues[3].share", "spec.pool.base.x", "kind[0]"])
    def test_a_path_to_nothing_is_refused(self, path: str) -> None:
        with pytest.raises(ConfigError, match="there is no such field"):
            with_values(load_manifest(small(venues=[VENUE])), {path: 1})

    @pytest.mark.parametrize("path", ["", "spec..pool", "spec.venues[x]", "spec.venues[0"])
    def test_text_that_is_no_path_is_refused(self, path: str) -> None:
        with pytest.raises(ConfigError, match=r"is not the path|an index is written"):
            with_values(load_manifest(small()), {path: 1})


def test_a_strategy_goes_to_another_process_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(MINIMAL)
    strategy = load_manifest(path)
    copy = pickle.loads(pickle.dumps(strategy))
    assert copy == strategy
    assert copy.source == path


def test_a_strategy_cannot_be_changed_in_place() -> None:
    strategy: Strategy = load_manifest(small())
    with pytest.raises(Exception, match="frozen"):
        strategy.spec.pool.fee_tier = 3000  # type: ignore[misc]
