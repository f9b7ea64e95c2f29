"""Pydantic's faults in the manifest's own words: the field as YAML writes it, what is allowed."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from alp.strategy.fields import Contradiction
from alp.strategy.manifest import Strategy
from alp.strategy.problems import Path, read_path, write_path
from alp.strategy.secrets import may_hold_secret
from alp.strategy.suggest import nearest

_SHOWN = 60

_PATTERNS = {
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?": "lower-case letters, digits and hyphens between them",
    "[a-z0-9]([-.a-z0-9]*[a-z0-9])?": "lower-case letters, digits, hyphens and dots between them",
    "[A-Za-z][A-Za-z0-9.]*": "a token symbol: letters, digits and dots, a letter first",
}


_NOT_A_FIELD = "is not a field"

_PLAIN = {
    "missing": "is required",
    "model_type": "must be a mapping (indented fields)",
    "dict_type": "must be a mapping (indented fields)",
    "tuple_type": "must be a list (lines that begin with -)",
    "string_too_short": "must not be empty",
}

_ABOUT_VALUE = {
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "string_type": "is not text; put it in quotes",
    "string_too_long": "is longer than {max_length} characters",
}


def explain_errors(errors: Iterable[Mapping[str, Any]], content: Any) -> dict[Path, str]:
    """Return path -> message of each fault, the first one where a field has several.

    Parameters
    ----------
    errors
        As ``ValidationError.errors()`` gives them.
    content
        The raw document, for what was written and what the neighbours are called.
    """
    found: dict[Path, str] = {}
    for error in errors:
        path: Path = tuple(error["loc"])
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, Contradiction):
            for field, message in cause.faults.items():
                inner = (*path, *read_path(field))
                found.setdefault(inner, _with_value(inner, message, content))
        else:
            found.setdefault(path, _message(error, path))
    return _without_echoes(found)


def _without_echoes(found: dict[Path, str]) -> dict[Path, str]:
    """Drop "is required" for a field that is there, but misspelt."""
    meant = {
        (*path[:-1], nearest(str(path[-1]), _aliases(section_type(path[:-1]))))
        for path, message in found.items()
        if message.startswith(_NOT_A_FIELD)
    }
    return {
        path: message
        for path, message in found.items()
        if not (message == _PLAIN["missing"] and path in meant)
    }


def _message(error: Mapping[str, Any], path: Path) -> str:
    kind, ctx = error["type"], error.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "extra_forbidden":
        return _unknown_field(path)
    if kind == "too_long":
        return f"has more than {ctx['max_length']} entries"
    shown = _shown(path, error["input"])
    if kind in _ABOUT_VALUE:
        return f"{shown} {_ABOUT_VALUE[kind].format_map(ctx)}"
    if kind == "value_error":
        return f"{shown} {ctx['error']}"
    if kind == "literal_error":
        return _not_allowed(path, shown, ctx["expected"], error["input"])
    if kind in ("greater_than_equal", "less_than_equal"):
        low, high = _bounds(path)
        return f"{shown} is out of bounds; allowed: {low} to {high}"
    if kind == "string_pattern_mismatch":
        pattern = ctx["pattern"].removeprefix("^").removesuffix("$")
        return f"{shown} is not allowed; write {_PATTERNS.get(pattern, 'text like ' + pattern)}"
    return f"{shown}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _not_allowed(path: Path, shown: str, expected: str, value: Any) -> str:
    allowed = expected.replace("'", "").replace(" or ", ", ")
    message = f"{shown} is not allowed; allowed: {allowed}"
    if path[-1:] == ("feeTier",):
        tier = _meant_tier(value)
        return f"{message}; {tier}" if tier else message
    near = nearest(value, allowed.split(", ")) if isinstance(value, str) else None
    return f"{message}; did you mean {near}?" if near else message


def _meant_tier(value: Any) -> str:
    """Return the fee tier that a number in bps or as a fraction means, in words."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return ""
    for tier in (100, 500, 3000, 10000):
        for factor, unit in ((100, "bps"), (1e6, "as a fraction"), (1e4, "%")):
            if abs(number * factor - tier) < 1e-6 * tier:
                return f"{value} {unit} is {tier}"
    return ""


def _unknown_field(path: Path) -> str:
    """Say where the field may have been meant to be."""
    *section, name = path
    siblings = _aliases(section_type(tuple(section)))
    near = nearest(str(name), siblings)
    if near:
        return f"{_NOT_A_FIELD} here; did you mean {near}?"
    elsewhere = [write_path(known) for known in field_paths() if known[-1] == name]
    if elsewhere:
        return f"{_NOT_A_FIELD} here; did you mean {' or '.join(elsewhere)}?"
    if not siblings:
        return _NOT_A_FIELD
    return f"{_NOT_A_FIELD} here; fields: {', '.join(siblings)}"


def _with_value(path: Path, message: str, content: Any) -> str:
    """Name a value that was left to its default, where the message begins with one."""
    if message[:1].isdigit() and value_at(content, path) is None:
        value, rest = message.split(" ", 1)
        return f"{value} (its default) {rest}"
    return message


def _shown(path: Path, value: Any) -> str:
    if may_hold_secret(path):
        return "the value (not shown)"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _bounds(path: Path) -> tuple[Any, Any]:
    """Return the lowest and the highest whole number that a field allows."""
    low: Any = None
    high: Any = None
    for bound in _constraints(path):
        low = max((n for n in (low, getattr(bound, "ge", None)) if n is not None), default=None)
        high = min((n for n in (high, getattr(bound, "le", None)) if n is not None), default=None)
    return low, high


def _constraints(path: Path) -> Iterator[Any]:
    section = section_type(path[:-1])
    if section is None:
        return
    for info in section.model_fields.values():
        if info.alias == path[-1]:
            yield from info.metadata
            yield from _nested_metadata(info.annotation)


def _nested_metadata(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        for item in annotation.__metadata__:
            yield from getattr(item, "metadata", [item])
    for argument in get_args(annotation):
        yield from _nested_metadata(argument)


def value_at(content: Any, path: Path) -> Any:
    """Return the raw value at ``path``, or None where there is none."""
    for part in path:
        in_mapping = isinstance(content, Mapping) and part in content
        in_list = isinstance(content, list) and isinstance(part, int) and part < len(content)
        if not (in_mapping or in_list):
            return None
        content = content[part]
    return content


def section_type(path: Path) -> type[BaseModel] | None:
    """Return the class of the section at ``path``, or None where there is no section."""
    current: type[BaseModel] | None = Strategy
    for part in path:
        if isinstance(part, int):
            continue
        if current is None:
            return None
        by_alias = {info.alias: info for info in current.model_fields.values()}
        current = section_in(by_alias[part].annotation) if part in by_alias else None
    return current


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field's type holds, in an optional or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, Annotated, tuple):
        for argument in get_args(annotation):
            inner = section_in(argument)
            if inner is not None:
                return inner
    return None


def _aliases(section: type[BaseModel] | None) -> list[str]:
    return [info.alias or "" for info in section.model_fields.values()] if section else []


def field_paths(section: type[BaseModel] = Strategy, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every field of the manifest; list entries have no index in it."""
    for info in section.model_fields.values():
        here = (*path, info.alias or "")
        yield here
        inner = section_in(info.annotation)
        if inner is not None:
            yield from field_paths(inner, here)
