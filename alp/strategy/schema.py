"""The manifest as JSON Schema, for editors, and as a Kubernetes CustomResourceDefinition.

Both are inlined, without references. The CRD's is structural: one type for each node, no
alternatives, so that the API server can prune and validate it. It carries no defaults but those of
plain fields of ``spec``: what is stored is what a person wrote, and alp fills in the rest.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from alp.strategy.catalogue import Entry, entries, one_line
from alp.strategy.manifest import API_VERSION, KIND, Metadata, Strategy
from alp.strategy.problems import Path

GROUP, _, VERSION = API_VERSION.partition("/")
PLURAL = "strategies"

_LIST_KEYS: dict[Path, str] = {("spec", "venues"): "name", ("spec", "pool", "tokens"): "symbol"}
"""Lists of sections whose entries are told apart by one of their fields."""

_RULES: dict[Path, list[dict[str, str]]] = {
    ("spec", "ranges"): [
        {
            "rule": "!has(self.minWidthBps) || !has(self.maxWidthBps)"
            " || self.minWidthBps <= self.maxWidthBps",
            "message": "minWidthBps is more than maxWidthBps",
        }
    ],
}
"""Rules the API server itself checks; everything else is checked by alp."""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a manifest."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:alp:{KIND.lower()}:{VERSION}",
        "title": KIND,
        "description": one_line(Strategy.__doc__),
        **_json_section(Strategy, ()),
    }


def _json_section(section: type[BaseModel], path: Path) -> dict[str, Any]:
    fields = entries(section, path)
    node: dict[str, Any] = {
        "type": "object",
        "properties": {entry.name: _json_field(entry) for entry in fields},
        "additionalProperties": False,
    }
    required = [entry.name for entry in fields if entry.required]
    return node | ({"required": required} if required else {})


def _json_field(entry: Entry) -> dict[str, Any]:
    if entry.section is None:
        node = dict(entry.schema)
    elif entry.many:
        node = {"type": "array", "items": _json_section(entry.section, entry.path)}
    else:
        node = _json_section(entry.section, entry.path)
    node["description"] = entry.meaning
    return node if entry.default is None else node | {"default": entry.default}


def custom_resource_definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition that lets a cluster hold manifests."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["strat"],
                "categories": ["alp"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _printer_columns(),
                    "schema": {"openAPIV3Schema": _root()},
                }
            ],
        },
    }


def _root() -> dict[str, Any]:
    by_name = {entry.name: entry for entry in entries()}
    name = next(entry for entry in entries(Metadata, ("metadata",)) if entry.name == "name")
    return {
        "type": "object",
        "description": one_line(Strategy.__doc__),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {
                "type": "object",
                "properties": {
                    "name": {
                        "type": "string",
                        "maxLength": name.schema["maxLength"],
                        "pattern": name.schema["pattern"],
                    }
                },
            },
            "spec": _structural_field(by_name["spec"]),
            "status": _status(),
        },
    }


def _structural_section(section: type[BaseModel], path: Path) -> dict[str, Any]:
    fields = entries(section, path)
    node: dict[str, Any] = {"type": "object"}
    required = [entry.name for entry in fields if entry.required]
    if required:
        node["required"] = required
    node["properties"] = {entry.name: _structural_field(entry) for entry in fields}
    if path in _RULES:
        node["x-kubernetes-validations"] = _RULES[path]
    if section.__name__ == "SecretRef":
        node["x-kubernetes-map-type"] = "atomic"
    return node


def _structural_field(entry: Entry) -> dict[str, Any]:
    if entry.section is None:
        node = _structural(entry.schema)
    elif entry.many:
        node = {
            "type": "array",
            "maxItems": int(entry.bounds.removeprefix("at most ")),
            "items": _structural_section(entry.section, entry.path),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [_LIST_KEYS[entry.path]],
        }
    else:
        node = _structural_section(entry.section, entry.path)
    meaning = entry.meaning
    if entry.default is not None and entry.default != []:
        if entry.path[:-1] == ("spec",):
            node["default"] = entry.default
        else:
            meaning += f" Default: {_in_words(entry.default)}."
    return {"description": meaning} | node


def _structural(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI v3.0 form, as Kubernetes understands it, of a plain value's schema."""
    node = dict(schema)
    if node.get("type") == ["number", "string"]:
        del node["type"]
        return {"x-kubernetes-int-or-string": True} | node
    if "exclusiveMinimum" in node:
        node["minimum"] = node["exclusiveMinimum"]
        node["exclusiveMinimum"] = True
    if node["type"] == "integer":
        node["format"] = "int64"
    if node["type"] == "array":
        node["items"] = _structural(node["items"])
        node["x-kubernetes-list-type"] = "atomic"
    return node


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _status() -> dict[str, Any]:
    """Return the schema of what the operator reports; unknown fields are kept for its framework."""
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "What the operator observed. Written by it alone.",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {
            "phase": text | {"description": "One word for people: what the strategy is doing."},
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "description": "The generation of the spec that this status is about.",
            },
            "fingerprint": text | {"description": "SHA-256 of the effective spec that is running."},
            "conditions": {
                "type": "array",
                "description": "What is true about the strategy, and since when.",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object",
                    "required": ["type", "status"],
                    "properties": {
                        "type": text,
                        "status": text | {"enum": ["True", "False", "Unknown"]},
                        "reason": text,
                        "message": text,
                        "observedGeneration": {"type": "integer", "format": "int64"},
                        "lastTransitionTime": text | {"format": "date-time"},
                    },
                },
            },
        },
    }


def _printer_columns() -> list[dict[str, Any]]:
    columns = [
        ("Mode", "string", ".spec.mode", 0),
        ("Chain", "string", ".spec.pool.chain", 0),
        ("Base", "string", ".spec.pool.base", 0),
        ("Quote", "string", ".spec.pool.quote", 0),
        ("Fee", "integer", ".spec.pool.feeTier", 0),
        ("Phase", "string", ".status.phase", 0),
        ("Fingerprint", "string", ".status.fingerprint", 1),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ]
    return [
        {"name": name, "type": kind, "jsonPath": path} | ({"priority": rank} if rank else {})
        for name, kind, path, rank in columns
    ]
