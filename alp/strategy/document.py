"""YAML text to plain values, with the line of every field remembered.

A number keeps the digits that were written: with a point or an exponent it becomes a Decimal,
never a binary float. Dates, octal and sexagesimal numbers stay text, as they do for Kubernetes.
A key given twice is a fault, not the last one's win.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from alp.strategy.problems import ManifestError, Path, Problem

MAX_BYTES = 1 << 20
"""A manifest is a page or two; Kubernetes refuses objects above 1.5 MB."""

MAX_VALUES = 20_000
"""Values after aliases are expanded: a small file can otherwise describe a huge document."""

MAX_NUMBER = 100
"""Characters of a number."""

_MOST_LEVELS = 100

_TAGS = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$")


class _Loader(yaml.SafeLoader):
    """SafeLoader that takes fewer words and digits for something else than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name PyYAML reads
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag in (f"{_TAGS}bool", f"{_TAGS}null", f"{_TAGS}merge")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose one node; a manifest is not deep, whatever the interpreter could bear."""
        self._depth += 1
        if self._depth > _MOST_LEVELS:
            raise RecursionError
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_Loader.add_implicit_resolver(f"{_TAGS}int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAGS}float", _DECIMAL, list("-+.0123456789"))


@dataclass
class Document:
    """One parsed document.

    Parameters
    ----------
    name
        What messages call it, usually the file's path.
    value
        Its content as dict, list, str, int, Decimal, bool or None.
    lines
        Path of each value -> 1-based line and column where its key, or list item, begins.
    """

    name: str
    value: Any
    lines: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path) -> tuple[int, int] | None:
        """Return line and column of ``path``, or of the nearest thing that contains it."""
        for length in range(len(path), -1, -1):
            place = self.lines.get(path[:length])
            if place is not None:
                return place
        return None


def read_document(content: bytes, name: str) -> Document:
    """Parse one YAML (or JSON) document.

    Raises
    ------
    ManifestError
        If it is not UTF-8, not YAML, empty, more than one document, or gives a key twice.
    """
    if len(content) > MAX_BYTES:
        raise _refusal(name, f"is larger than {MAX_BYTES >> 20} MiB; a manifest is a few kB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refusal(name, "is not UTF-8 text; save it as UTF-8", line) from None
    try:
        return _Reader(_Loader(text), name).read()
    except yaml.MarkedYAMLError as error:
        raise _refusal(name, *_syntax_fault(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refusal(name, "contains a control character", line) from None
    except RecursionError:
        raise _refusal(name, "is nested too deeply") from None


def read_scalar(text: str) -> Any:
    """Return the value of one YAML scalar or flow collection, such as ``5m``, ``0.1`` or ``[1]``.

    Raises
    ------
    ManifestError
        If the text is not YAML.
    """
    return read_document(text.encode(), "value").value if text.strip() else None


def _is_blank(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value == "" and not node.style


def _syntax_fault(error: yaml.MarkedYAMLError) -> tuple[str, int | None, int | None]:
    """Return message, line and column; the text itself is not quoted, it may hold a secret."""
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "cannot be understood"
    if "'\\t'" in problem:
        problem = "a tab cannot indent; use spaces"
    elif "found undefined alias" in problem:
        problem = "an alias (*name) has no anchor (&name) before it"
    message = f"is not YAML: {problem}"
    return (message, mark.line + 1, mark.column + 1) if mark else (message, None, None)


def _refusal(
    name: str, message: str, line: int | None = None, column: int | None = None
) -> ManifestError:
    return ManifestError(name, [Problem((), message, line, column)])


class _Reader:
    """Turns nodes into values, and remembers where they were."""

    def __init__(self, loader: _Loader, name: str) -> None:
        self._loader = loader
        self._name = name
        self._lines: dict[Path, tuple[int, int]] = {}
        self._problems: list[Problem] = []
        self._open: list[Node] = []
        self._own_keys: dict[int, set[int]] = {}
        self._count = 0

    def read(self) -> Document:
        node = self._only_node()
        self._mark((), node)
        value = self._value(node, ())
        if self._problems:
            raise ManifestError(self._name, self._problems)
        return Document(self._name, value, self._lines)

    def _only_node(self) -> Node:
        nodes = []
        while self._loader.check_node():
            node = self._loader.get_node()
            if node is not None and not _is_blank(node):
                nodes.append(node)
        if not nodes:
            raise _refusal(self._name, "is empty; `alp schema` shows what a manifest holds")
        if len(nodes) > 1:
            second = nodes[1].start_mark.line + 1
            message = f"holds {len(nodes)} documents; a manifest is one file"
            raise _refusal(self._name, message, second)
        return nodes[0]

    def _mark(self, path: Path, node: Node) -> None:
        self._lines[path] = (node.start_mark.line + 1, node.start_mark.column + 1)

    def _fault(self, path: Path, message: str, node: Node) -> None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self._problems.append(Problem(path, message, line, column))

    def _value(self, node: Node, path: Path) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise _refusal(self._name, f"holds more than {MAX_VALUES} values")
        if node in self._open:
            self._fault(path, "contains itself", node)
            return None
        self._open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return self._sequence(node, path)
            assert isinstance(node, ScalarNode)
            return self._scalar(node, path)
        finally:
            self._open.pop()

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        if node.tag != f"{_TAGS}map":
            self._fault(path, f"has the tag {node.tag}, which is not allowed", node)
        own = self._merge(node)
        result: dict[str, Any] = {}
        first_lines: dict[Hashable, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._fault(path, "has a key that is not a word", key_node)
                continue
            key = key_node.value
            inner = (*path, key)
            # A merged key (<<) comes before the mapping's own ones and yields to them.
            if key in first_lines and id(key_node) in own:
                self._fault(inner, f"is given twice; first on line {first_lines[key]}", key_node)
                continue
            if id(key_node) in own:
                first_lines[key] = key_node.start_mark.line + 1
            self._mark(inner, key_node)
            result[key] = self._value(value_node, inner)
        return result

    def _merge(self, node: MappingNode) -> set[int]:
        """Put what ``<<`` merges into the node, once, and return the ids of its own keys."""
        own = self._own_keys.get(id(node))
        if own is None:
            own = {id(key) for key, _ in node.value}
            self._own_keys[id(node)] = own
            self._loader.flatten_mapping(node)
        return own

    def _sequence(self, node: SequenceNode, path: Path) -> list[Any]:
        if node.tag != f"{_TAGS}seq":
            self._fault(path, f"has the tag {node.tag}, which is not allowed", node)
        values = []
        for index, item in enumerate(node.value):
            self._mark((*path, index), item)
            values.append(self._value(item, (*path, index)))
        return values

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        kind = node.tag.removeprefix(_TAGS)
        text: str = node.value
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return self._loader.construct_yaml_bool(node)
        if len(text) > MAX_NUMBER:
            self._fault(path, f"is a number of more than {MAX_NUMBER} characters", node)
            return None
        if kind == "int" and _INTEGER.match(text):
            return int(text)
        if kind in ("int", "float") and (_DECIMAL.match(text) or _INTEGER.match(text)):
            return Decimal(text)
        self._fault(path, f"has the tag {node.tag}, which is not allowed", node)
        return None
