"""What can be wrong with a manifest, in words: field, value, what is allowed, where.

Messages never quote the value of a field that may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alp.errors import ConfigError

Path = tuple[str | int, ...]
"""Keys and list indices from the document's root to a value."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a manifest.

    Parameters
    ----------
    path
        Where in the document; empty for the document itself.
    message
        What is wrong, as the rest of a sentence that begins with the field.
    line, column
        1-based place in the file, where known.
    """

    path: Path
    message: str
    line: int | None = None
    column: int | None = None

    @property
    def field(self) -> str:
        """The path in YAML spelling, such as ``spec.venues[0].share``."""
        return write_path(self.path)

    def text(self, name: str) -> str:
        """Return the whole message for the document called ``name``."""
        place = name if self.line is None else f"{name}:{self.line}"
        field = f"{self.field}: " if self.path else ""
        return f"{place}: {field}{self.message}"


class ManifestError(ConfigError):
    """A manifest is wrong; every fault that was found is in ``problems``, in file order.

    Parameters
    ----------
    name
        What messages call the document, usually the file's path.
    """

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = sorted(problems, key=lambda problem: (problem.line or 0, problem.field))
        super().__init__("\n".join(problem.text(name) for problem in self.problems))


def write_path(path: Sequence[str | int]) -> str:
    """Return a path as a person writes it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_path(text: str) -> Path:
    """Return the path that text such as ``spec.venues[0].share`` means.

    Raises
    ------
    ConfigError
        If brackets or dots are out of place.
    """
    parts: list[str | int] = []
    for piece in text.split("."):
        word, *indices = piece.split("[")
        if not word:
            raise ConfigError(
                f"{text!r} is not the path of a field, such as spec.rebalance.cooldown"
            )
        parts.append(word)
        for index in indices:
            if not index.endswith("]") or not index[:-1].isdigit():
                raise ConfigError(f"{text!r}: an index is written [0], [1], …")
            parts.append(int(index[:-1]))
    return tuple(parts)
