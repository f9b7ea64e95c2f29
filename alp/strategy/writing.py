"""Plain values as the YAML a person would write, with comments behind fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from alp.strategy.problems import Path

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_DURATION_OR_TIME = re.compile(r"[0-9]+[a-z]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")
_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


def write_yaml(content: Mapping[str, Any], comments: Mapping[Path, str] | None = None) -> str:
    """Return block-style YAML.

    Parameters
    ----------
    content
        Nested dicts, lists and scalars.
    comments
        Path of a field -> the comment behind it.
    """
    return "\n".join(_mapping(content, (), comments or {})) + "\n"


def _mapping(value: Mapping[str, Any], path: Path, comments: Mapping[Path, str]) -> Iterator[str]:
    for key, inner in value.items():
        here = (*path, key)
        comment = f"  # {comments[here]}" if here in comments else ""
        if isinstance(inner, Mapping) and inner:
            yield f"{key}:{comment}"
            yield from (f"  {line}" for line in _mapping(inner, here, comments))
        elif isinstance(inner, list | tuple) and any(isinstance(item, Mapping) for item in inner):
            yield f"{key}:{comment}"
            for index, item in enumerate(inner):
                first, *rest = _mapping(item, (*here, index), comments)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        else:
            yield f"{key}: {_flow(inner)}{comment}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):
        return value if _needs_no_quotes(value) else json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _needs_no_quotes(text: str) -> bool:
    if text.lower() in _WORDS:
        return False
    return bool(_PLAIN.fullmatch(text) or _DURATION_OR_TIME.fullmatch(text))
