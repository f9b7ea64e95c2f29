"""Settings of the original project's files: Python, ``.env``, INI and JSON, read without running.

A Python file is parsed, never executed: literals count, and so do the defaults of ``os.getenv``.
The value of a setting that is a secret, or an address with a key in it, is not even kept.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alp.errors import ConfigError
from alp.strategy.secrets import looks_secret, names_secret

_CASTS = ("bool", "Decimal", "float", "int", "str")


@dataclass(frozen=True, slots=True)
class OldSetting:
    """One setting of an old file.

    Parameters
    ----------
    name
        In capitals, as the old files write it.
    value
        Its text; None where it is a secret, or computed by code.
    place
        File and line.
    secret
        Whether it holds a secret.
    """

    name: str
    value: str | None
    place: str
    secret: bool = False


def read_old_config(path: Path) -> list[OldSetting]:
    """Return the settings of one file, in its order.

    Raises
    ------
    ConfigError
        If the file cannot be read, or is not what its name says.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from None
    readers = {".py": _from_python, ".json": _from_json}
    reader = readers.get(path.suffix.lower(), _from_lines)
    return [_guarded(each) for each in reader(text, path)]


def _guarded(setting: OldSetting) -> OldSetting:
    value = setting.value
    secret = names_secret(setting.name) or (value is not None and _is_key_material(value))
    if secret or setting.name.endswith("RPC_URL"):
        return OldSetting(setting.name, None, setting.place, secret=True)
    return setting


def _is_key_material(value: str) -> bool:
    """Whether a value is a key; contract addresses are not."""
    return not re.fullmatch(r"0x[0-9a-fA-F]{1,40}", value) and looks_secret(value)


def _from_lines(text: str, path: Path) -> Iterator[OldSetting]:
    for number, line in enumerate(text.splitlines(), 1):
        content = re.split(r"(?:^|\s)[#;]", line, maxsplit=1)[0].strip()
        if not content or (content.startswith("[") and content.endswith("]")):
            continue
        name, equals, value = content.removeprefix("export ").partition("=")
        if not equals:
            raise ConfigError(f"{path}:{number}: is neither NAME=value nor [section]")
        bare = value.strip().strip("\"'")
        yield OldSetting(name.strip().upper(), bare, f"{path}:{number}")


def _from_json(text: str, path: Path) -> Iterator[OldSetting]:
    try:
        content = json.loads(text, parse_float=str, parse_int=str)
    except ValueError as error:
        raise ConfigError(f"{path}: is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: is not a JSON object")
    for name, value in content.items():
        if isinstance(value, str | bool):
            yield OldSetting(name.upper(), str(value), str(path))


def _from_python(text: str, path: Path) -> Iterator[OldSetting]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ConfigError(f"{path}:{line}: is not Python") from None
    for node in ast.walk(tree):
        for target, value in _assignments(node):
            if target.isupper():
                yield OldSetting(target, _text_of(value, text), f"{path}:{value.lineno}")


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value


def _text_of(node: ast.expr, source: str) -> str | None:
    """Return what an expression says without running it, or None where only running it would."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return node.value
        if isinstance(node.value, bool | int | float):
            return ast.get_source_segment(source, node)
        return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _text_of(node.operand, source)
        return None if inner is None else f"-{inner}"
    if isinstance(node, ast.List | ast.Tuple):
        items = [_text_of(item, source) for item in node.elts]
        return ",".join(item for item in items if item is not None)
    if isinstance(node, ast.Call):
        return _text_of_call(node, source)
    return None


def _text_of_call(node: ast.Call, source: str) -> str | None:
    name = ast.unparse(node.func)
    if name in _CASTS and len(node.args) == 1:
        return _text_of(node.args[0], source)
    if name in ("os.getenv", "getenv", "os.environ.get") and len(node.args) == 2:
        return _text_of(node.args[1], source)
    return None
