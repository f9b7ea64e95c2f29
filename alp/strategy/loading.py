"""From a file to a :class:`~alp.strategy.manifest.Strategy`, or to every fault in it at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from alp.errors import ConfigError
from alp.strategy.document import Document, read_document
from alp.strategy.fields import DNS_LABEL_PATTERN
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, Path, Problem, read_path
from alp.strategy.secrets import ADVICE, find_secrets
from alp.strategy.translate import explain_errors

_SERVER_FIELDS = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers",
    "generateName", "generation", "managedFields", "ownerReferences", "resourceVersion",
    "selfLink", "uid",
)  # fmt: skip


def load_manifest(source: FilePath | str | Mapping[str, Any]) -> Strategy:
    """Read and check a manifest.

    Parameters
    ----------
    source
        A file's path, ``-`` for standard input, YAML text (anything with a line break), or the
        content as a mapping, such as a Kubernetes client returns it.

    Raises
    ------
    ManifestError
        If anything is wrong with it; the message names every fault that was found.
    ConfigError
        If the file cannot be read.
    """
    if isinstance(source, Mapping):
        return check_document(Document("manifest", dict(source)))
    if isinstance(source, str) and "\n" in source:
        return check_document(read_document(source.encode(), "manifest"))
    path = FilePath(source)
    strategy = check_document(document_at(path))
    strategy._source = None if str(path) == "-" else path
    return strategy


def name_of(source: FilePath) -> str:
    """Return ``metadata.name`` of a manifest, whatever else is wrong with it.

    Raises
    ------
    ConfigError
        If it cannot be read, or has no name that could be one.
    """
    content = document_at(source).value
    metadata = content.get("metadata") if isinstance(content, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not re.fullmatch(DNS_LABEL_PATTERN, name):
        raise ConfigError(f"{source}: metadata.name names no strategy")
    return name


def document_at(path: FilePath) -> Document:
    """Return the YAML document in a file, or in standard input where the path is ``-``.

    Raises
    ------
    ManifestError
        If it is not one YAML document.
    ConfigError
        If the file cannot be read.
    """
    return read_document(read_file(path), "standard input" if str(path) == "-" else str(path))


def read_file(path: FilePath) -> bytes:
    """Return a file's bytes, or those of standard input where the path is ``-``.

    Raises
    ------
    ConfigError
        If there is no such file, or it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def check_document(document: Document) -> Strategy:
    """Return the strategy that a parsed document describes.

    Raises
    ------
    ManifestError
        With every fault that was found, each with its line where that is known.
    """
    if not isinstance(document.value, dict):
        message = "is not a mapping; a manifest begins with apiVersion: alp.dev/v1alpha1"
        raise ManifestError(document.name, [Problem((), message, *(document.place(()) or ()))])
    secrets = list(find_secrets(document.value))
    found: dict[Path, str] = dict.fromkeys(secrets, ADVICE)
    content = without_server_fields(without_nulls(document.value))
    try:
        strategy = Strategy.model_validate(content)
    except ValidationError as error:
        found = explain_errors(error.errors(include_url=False), content) | found
    if found:
        raise ManifestError(document.name, [_placed(document, *item) for item in found.items()])
    return strategy


def _placed(document: Document, path: Path, message: str) -> Problem:
    line, column = document.place(path) or (None, None)
    return Problem(path, message, line, column)


def without_nulls(value: Any) -> Any:
    """Return a copy in which a field without a value is a field that is not there."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value


def without_server_fields(content: dict[str, Any]) -> dict[str, Any]:
    """Drop what a Kubernetes API server adds, so that an exported object reads like its file."""
    content = {key: value for key, value in content.items() if key != "status"}
    metadata = content.get("metadata")
    if isinstance(metadata, dict):
        kept = {key: value for key, value in metadata.items() if key not in _SERVER_FIELDS}
        content["metadata"] = kept
    return content


def with_values(strategy: Strategy, values: Mapping[str, Any]) -> Strategy:
    """Return a strategy with some fields changed and everything checked again.

    Parameters
    ----------
    values
        Path of a field in YAML spelling, such as ``spec.rebalance.cooldown`` or
        ``spec.venues[0].share``, to its value as YAML would hold it; None means its default.

    Raises
    ------
    ManifestError
        If a path names no field, or the changed manifest is wrong.
    """
    content = strategy.written()
    for text, value in values.items():
        _put(content, read_path(text), text, value)
    changed = check_document(Document("changed manifest", content))
    changed._source = strategy.source
    return changed


def _put(content: Any, path: Path, text: str, value: Any) -> None:
    holder = content
    for part, following in pairwise(path):
        if isinstance(holder, dict):
            holder.setdefault(part, [] if isinstance(following, int) else {})
        holder = holder[_checked(holder, part, text)]
    # A float stands for the decimal that a person would write for it.
    plain = Decimal(repr(value)) if isinstance(value, float) else value
    holder[_checked(holder, path[-1], text)] = plain


def _checked(holder: Any, part: str | int, text: str) -> Any:
    in_mapping = isinstance(holder, dict) and isinstance(part, str)
    in_list = isinstance(holder, list) and isinstance(part, int) and part < len(holder)
    if in_mapping or in_list:
        return part
    raise ConfigError(f"{text}: there is no such field or list entry")
