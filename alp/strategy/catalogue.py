"""Every field of the manifest as data: type, unit, default, bounds, meaning.

Read once from the models; the schemas, the reference page and ``alp explain`` are made of it, so
that none of them can say something else than the code.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from alp.strategy.manifest import Strategy
from alp.strategy.problems import Path, write_path
from alp.strategy.translate import section_in


@dataclass(frozen=True)
class Entry:
    """One field.

    Parameters
    ----------
    path
        Keys from the root; entries of a list have no index in it.
    schema
        JSON Schema of the value alone: no default, no description, no null, no references.
        A section's is empty.
    required
        Whether a manifest must hold it, given that it holds the section around it.
    default
        What it is when it is left out, as YAML would write it; None where it is then absent.
    unit, bounds
        In words, or empty.
    meaning
        The field's docstring in one line.
    section
        The class of the section it holds, if it holds one.
    many
        Whether it is a list of such sections.
    """

    path: Path
    schema: dict[str, Any]
    required: bool
    default: Any
    unit: str
    bounds: str
    meaning: str
    section: type[BaseModel] | None
    many: bool

    @property
    def name(self) -> str:
        """The field's own name in YAML."""
        return str(self.path[-1])

    @property
    def where(self) -> str:
        """The whole path in YAML spelling, ``[]`` marking lists."""
        return write_path(self.path)


@cache
def entries(section: type[BaseModel] = Strategy, path: Path = ()) -> tuple[Entry, ...]:
    """Return the fields of one section, in the order of the manifest."""
    schema = section.model_json_schema()
    defaults = section.model_construct().model_dump(mode="json")
    meanings = field_docstrings(section)
    return tuple(
        _entry(path, name, info, schema, defaults, meanings[name])
        for name, info in section.model_fields.items()
    )


def field_docstrings(section: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field in the source of a section and of those it extends.

    Read here, where it is wanted, because pydantic would read it at every import.
    """
    if section is BaseModel:
        return {}
    found: dict[str, str] = {}
    for base in reversed(section.__bases__):
        found |= field_docstrings(base)
    (defined,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(defined, ast.ClassDef)
    for field, below in pairwise(defined.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = text
    return found


def all_entries(section: type[BaseModel] = Strategy, path: Path = ()) -> Iterator[Entry]:
    """Yield every field of the manifest, each section before its fields."""
    for entry in entries(section, path):
        yield entry
        if entry.section is not None:
            yield from all_entries(entry.section, entry.path)


def find(path: Path) -> Entry | None:
    """Return the field at ``path`` (list indices do not matter), or None."""
    words = tuple(part for part in path if isinstance(part, str))
    for entry in all_entries():
        if entry.path == words:
            return entry
    return None


def one_line(docstring: str | None) -> str:
    """Return a docstring's first paragraph in one line."""
    return " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())


def _entry(
    path: Path,
    name: str,
    info: FieldInfo,
    schema: dict[str, Any],
    defaults: dict[str, Any],
    meaning: str,
) -> Entry:
    alias = info.alias or name
    node = _flat(schema["properties"][alias], schema.get("$defs", {}))
    inner = section_in(info.annotation)
    unit = node.pop("x-unit", "") or node.get("items", {}).get("x-unit", "")
    bounds = node.pop("x-bounds", "") or node.get("items", {}).get("x-bounds", "")
    return Entry(
        path=(*path, alias),
        schema={} if inner is not None else _without_hints(node),
        required=info.is_required(),
        default=None if _has_no_default(info) or inner is not None else defaults.get(alias),
        unit=unit,
        bounds=bounds or _bounds_in_words(node),
        meaning=one_line(meaning),
        section=inner,
        many=node.get("type") == "array",
    )


def _has_no_default(info: FieldInfo) -> bool:
    """Whether a field is required, or follows from others; its docstring says how."""
    return info.is_required() or info.default_factory_takes_validated_data is True


def _flat(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a node without reference, null alternative, title, default and description."""
    node = {key: value for key, value in node.items() if key not in _LEFT_OUT}
    if "$ref" in node:
        node = {"type": "object"}
    if "anyOf" in node:  # the value or null
        (only,) = (choice for choice in node.pop("anyOf") if choice.get("type") != "null")
        node = _flat(only, definitions) | node
    if "const" in node:
        node["enum"] = [node.pop("const")]
    return node


_LEFT_OUT = ("title", "default", "description")


def _without_hints(node: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in node.items() if not key.startswith("x-")}
    if "items" in plain:
        plain["items"] = _without_hints(plain["items"])
    return plain


def _bounds_in_words(node: dict[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if "exclusiveMinimum" in node:
        return f"> {node['exclusiveMinimum']}"
    if "minimum" in node and "maximum" in node:
        return f"{node['minimum']} to {_number(node['maximum'])}"
    if "minimum" in node:
        return f"≥ {node['minimum']}"
    if "maxItems" in node:
        return f"at most {node['maxItems']}"
    if "maxLength" in node:
        return f"at most {node['maxLength']} characters"
    return ""


def _number(value: float) -> str:
    return "2^53" if value == 2**53 else str(value)
