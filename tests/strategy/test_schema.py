"""The schemas say what the code says: the same files pass, the same fields are there."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from manifests import VENUE, manifests, small

from alp.strategy import load_manifest
from alp.strategy.catalogue import all_entries, entries, find
from alp.strategy.document import read_document
from alp.strategy.generate import crd_yaml, generated_files, main
from alp.strategy.schema import custom_resource_definition, json_schema

jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema (in the dev extra)")

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)

# What apiextensions.k8s.io/v1 allows in a structural schema, as far as we use it.
ALLOWED = {
    "default", "description", "enum", "exclusiveMinimum", "format", "items", "maxItems",
    "maxLength", "maximum", "minLength", "minimum", "pattern", "properties", "required", "type",
    "additionalProperties",
}  # fmt: skip


def root_schema() -> dict[str, Any]:
    version = custom_resource_definition()["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


def as_json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """A structural schema as the API server applies it, in words a JSON Schema validator knows."""
    node = {key: value for key, value in node.items() if not key.startswith("x-kubernetes")} | (
        {"type": ["integer", "string"]} if node.get("x-kubernetes-int-or-string") else {}
    )
    if node.get("exclusiveMinimum") is True:
        node["exclusiveMinimum"] = node.pop("minimum")
    if "properties" in node:
        node["properties"] = {k: as_json_schema(v) for k, v in node["properties"].items()}
    if "items" in node:
        node["items"] = as_json_schema(node["items"])
    return node


def as_kubectl_sends(value: Any) -> Any:
    """A document's value after JSON, where every number with a point is a binary float."""
    if isinstance(value, dict):
        return {key: as_kubectl_sends(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_kubectl_sends(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


def faults(schema: dict[str, Any], content: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(schema).iter_errors(content)
    return [f"{error.json_path}: {error.message}" for error in found]


class TestStructural:
    def test_every_node_has_one_type_and_only_known_words(self) -> None:
        for path, node in nodes(root_schema()):
            words = {key for key in node if not key.startswith("x-kubernetes-")}
            assert words <= ALLOWED, path
            if "x-kubernetes-int-or-string" in node:
                assert "type" not in node, path
            else:
                assert isinstance(node["type"], str), path

    def test_objects_have_properties_and_lists_have_items(self) -> None:
        for path, node in nodes(root_schema()):
            if node.get("type") == "object" and path != ".metadata":
                assert node.get("properties"), path
            assert (node.get("type") == "array") == ("items" in node), path
            assert not ("properties" in node and "additionalProperties" in node), path

    def test_required_fields_and_list_keys_exist(self) -> None:
        for path, node in nodes(root_schema()):
            assert set(node.get("required", ())) <= set(node.get("properties", {})), path
            for key in node.get("x-kubernetes-list-map-keys", ()):
                assert key in node["items"]["required"], path

    def test_every_list_says_how_it_merges(self) -> None:
        for path, node in nodes(root_schema()):
            if node.get("type") == "array":
                assert node["x-kubernetes-list-type"] in ("map", "atomic"), path

    def test_patterns_need_no_lookaround(self) -> None:
        for path, node in nodes(root_schema()):
            pattern = node.get("pattern", "")
            assert "(?" not in pattern, path
            re.compile(pattern)

    def test_exclusive_bounds_are_flags(self) -> None:
        flags = [node for _, node in nodes(root_schema()) if "exclusiveMinimum" in node]
        assert flags
        assert all(node["exclusiveMinimum"] is True and "minimum" in node for node in flags)

    def test_defaults_are_only_those_of_plain_fields_of_spec(self) -> None:
        with_default = {path for path, node in nodes(root_schema()) if "default" in node}
        assert with_default == {".spec.mode", ".spec.topology"}

    def test_a_default_is_described(self) -> None:
        described = dict(nodes(root_schema()))[".spec.rebalance.cooldown"]["description"]
        assert described.endswith("Default: 10m.")

    def test_names_group_and_columns(self) -> None:
        crd = custom_resource_definition()
        assert crd["metadata"]["name"] == "strategies.alp.dev"
        assert crd["spec"]["group"] == "alp.dev"
        version = crd["spec"]["versions"][0]
        assert version["subresources"] == {"status": {}}
        paths = dict(nodes(root_schema()))
        for column in version["additionalPrinterColumns"]:
            assert column["jsonPath"] in paths or column["jsonPath"].startswith(".metadata.")

    def test_the_status_keeps_what_the_operators_framework_writes(self) -> None:
        status = dict(nodes(root_schema()))[".status"]
        assert status["x-kubernetes-preserve-unknown-fields"] is True

    def test_it_is_far_smaller_than_what_etcd_takes(self) -> None:
        assert len(crd_yaml()) < 200_000

    def test_the_yaml_has_no_aliases(self) -> None:
        assert yaml.safe_load(crd_yaml()) == custom_resource_definition()
        assert "&id" not in crd_yaml()


class TestParity:
    @pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
    def test_the_examples_pass_both_schemas(self, path: Path) -> None:
        content = as_kubectl_sends(read_document(path.read_bytes(), path.name).value)
        for written in (content, load_manifest(path).written()):
            assert faults(json_schema(), written) == []
            assert faults(as_json_schema(root_schema()), written) == []

    @relaxed
    @given(manifests())
    def test_whatever_alp_accepts_both_schemas_accept(self, content: dict[str, Any]) -> None:
        effective = load_manifest(content).effective()
        for written in (content, effective):
            assert faults(json_schema(), written) == []
            assert faults(as_json_schema(root_schema()), written) == []

    @pytest.mark.parametrize(
        "sections",
        [
            {"mode": "loud"},
            {"rebalance": {"cooldown": "10"}},
            {"rebalance": {"cooldown": 10}},
            {"rebalance": {"minBenefitQuote": "1e3"}},
            {"inventory": {"base": "-1", "quote": "1"}},
            {"inventory": {"base": "1"}},
            {"model": {"riskAversion": "0.1"}},
            {"model": {"riskAversion": 0}},
            {"model": {"intensity": {"A": "x"}}},
            {"hedge": {"ratio": "most"}},
            {"hedge": {"minCorrelation": 2}},
            {"venues": [{"name": "a"}]},
            {"venues": [VENUE | {"exchange": "mtgox"}]},
            {"venues": [VENUE | {"credentials": {"secretRef": {"name": "A B"}}}]},
            {"backtest": {"window": {"start": "yesterday"}}},
            {"backtest": {"gas": {"units": {"mint": -1}}}},
        ],
    )
    def test_what_one_field_alone_gets_wrong_all_three_refuse(
        self, sections: dict[str, Any]
    ) -> None:
        content = small(**copy.deepcopy(sections))
        with pytest.raises(Exception, match="manifest: "):
            load_manifest(content)
        assert faults(json_schema(), content)
        assert faults(as_json_schema(root_schema()), content)

    def test_unknown_fields_are_refused_by_the_json_schema(self) -> None:
        assert faults(json_schema(), small(colour="red"))

    def test_the_json_schema_is_one(self) -> None:
        jsonschema.Draft202012Validator.check_schema(json_schema())

    def test_every_default_is_allowed_by_its_own_schema(self) -> None:
        for entry in all_entries():
            if entry.default is not None and entry.schema.get("type") != "array":
                assert faults(entry.schema, entry.default) == [], entry.where


class TestCatalogue:
    def test_every_field_is_described_in_whole_sentences(self) -> None:
        for entry in all_entries():
            assert entry.meaning, entry.where
            assert entry.meaning.endswith((".", '".')), entry.where

    def test_every_whole_number_but_ids_and_counts_has_a_unit(self) -> None:
        free = {"decimals", "chainId", "seed"}
        for entry in all_entries():
            if entry.schema.get("type") in ("integer", ["number", "string"]):
                assert entry.unit or entry.name in free | {"ratio"}, entry.where

    def test_names_are_camel_case(self) -> None:
        for entry in all_entries():
            assert re.fullmatch(r"[a-z][A-Za-z0-9]*|A", entry.name), entry.where

    def test_a_field_is_found_with_or_without_index(self) -> None:
        by_index = find(("spec", "venues", 3, "share"))
        assert by_index is not None
        assert by_index == find(("spec", "venues", "share"))
        assert find(("spec", "nothing")) is None

    def test_sections_list_their_own_fields(self) -> None:
        assert [entry.name for entry in entries()] == ["apiVersion", "kind", "metadata", "spec"]


class TestGenerated:
    @pytest.mark.parametrize("name", list(generated_files()), ids=str)
    def test_a_committed_file_is_what_the_code_generates(self, name: Path) -> None:
        committed = (ROOT / name).read_text(encoding="utf-8")
        assert committed == generated_files()[name], "run python -m alp.strategy.generate"

    def test_a_check_of_fresh_files_is_silent(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # The checkout under test, also where alp itself was installed from a wheel.
        monkeypatch.setattr("alp.strategy.generate.ROOT", ROOT)
        assert main(["--check"]) == 0
        assert capsys.readouterr().err == ""

    def test_a_check_names_a_stale_file_and_writing_mends_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("alp.strategy.generate.ROOT", tmp_path)
        assert main(["--check"]) == 1
        assert "manifest.md is not up to date" in capsys.readouterr().err
        assert main([]) == 0
        assert main(["--check"]) == 0

    def test_the_reference_page_has_a_section_for_every_section(self) -> None:
        page = generated_files()[Path("docs/reference/manifest.md")]
        for entry in all_entries():
            assert f"`{entry.where}" in page or f"| `{entry.name}` |" in page

    def test_every_link_of_the_reference_page_has_its_target(self) -> None:
        page = generated_files()[Path("docs/reference/manifest.md")]
        targets = set(re.findall(r"^\((manifest-[^)]*)\)=$", page, re.MULTILINE))
        links = set(re.findall(r"\]\(#(manifest-[^)]*)\)", page))
        assert links
        assert links <= targets

    def test_no_table_cell_breaks_its_row(self) -> None:
        page = generated_files()[Path("docs/reference/manifest.md")]
        for line in page.splitlines():
            if line.startswith("| `") and line.count("|") > 5:
                assert len(re.findall(r"(?<!\\)\|", line)) == 6, line
