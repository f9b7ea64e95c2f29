"""Where a space comes from: a YAML file, the command line, or both; and whether it makes sense."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alp.backtest.sweep.space import (
    SYNTAX,
    Choices,
    Parameter,
    Sample,
    Space,
    Span,
    Steps,
    choices,
    full_field,
    read_parameter,
    span,
    steps,
    write_value,
)
from alp.errors import ConfigError
from alp.strategy.document import read_document
from alp.strategy.loading import read_file, with_values
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, write_path
from alp.strategy.suggest import did_you_mean

TRIES = 40
"""Combinations in which a value may prove itself before it is called impossible."""

_RANGE_KEYS = ("from", "to", "step", "scale")


def read_space(path: Path | None, texts: Sequence[str] = ()) -> Space:
    """Read a space from a file, from ``field=range`` texts, or from both together.

    Parameters
    ----------
    path
        A YAML file with one mapping, ``parameters``: field -> range or list.
    texts
        Parameters in the short form, as the command line has them.

    Raises
    ------
    ConfigError
        If there is no parameter, one is given twice, or one cannot be read.
    """
    found = [] if path is None else _from_file(path)
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{text!r} is not FIELD=RANGE", hint=SYNTAX)
        found.append(read_parameter(name.strip(), values))
    fields = [parameter.field for parameter in found]
    for field in fields:
        if fields.count(field) > 1:
            raise ConfigError(f"{field}: is given twice as a parameter")
    if not found:
        raise ConfigError("there is no parameter to vary", hint=f"--param FIELD=RANGE: {SYNTAX}")
    return Space(tuple(found))


def _from_file(path: Path) -> list[Parameter]:
    content = read_document(read_file(path), str(path)).value
    parameters = content.get("parameters") if isinstance(content, Mapping) else None
    if not isinstance(parameters, Mapping) or set(content) != {"parameters"}:
        raise ConfigError(
            f"{path}: needs one mapping, parameters, and nothing else",
            hint="parameters: {spec.ranges.baseSpreadBps: 50:400:50}",
        )
    return [_from_yaml(full_field(name), value) for name, value in parameters.items()]


def _from_yaml(field: str, value: Any) -> Parameter:
    if isinstance(value, str):
        return read_parameter(field, value)
    if isinstance(value, list):
        return choices(field, value)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{field}: {write_value(value)} is not a range or a list", hint=SYNTAX)
    for key in value:
        if key not in _RANGE_KEYS:
            known = ", ".join(_RANGE_KEYS)
            raise ConfigError(
                f"{field}: {key} is not known here{did_you_mean(key, _RANGE_KEYS)}",
                hint=f"a range has {known}",
            )
    for key in ("from", "to"):
        if value.get(key) is None:
            raise ConfigError(f"{field}: {key} is missing", hint="a range has from and to")
    scale = value.get("scale", "linear")
    if scale not in ("linear", "log"):
        raise ConfigError(f"{field}: scale: {scale!r} is neither linear nor log")
    if value.get("step") is None:
        return span(field, value["from"], value["to"], log=scale == "log")
    if scale == "log":
        raise ConfigError(f"{field}: a range with a step cannot have a log scale")
    return steps(field, value["from"], value["to"], value["step"])


def check_space(strategy: Strategy, space: Space) -> None:
    """Refuse a space with a field that is not there, or a value that can never be right.

    A value is tried in several combinations, because some are right only beside others; what is
    wrong in one combination alone is left to the trial that meets it.

    Raises
    ------
    ConfigError
        With one line for each value at fault, naming its field.
    """
    chooser = random.Random(0)  # noqa: S311 - which combinations are tried decides nothing else
    faults = []
    for parameter in space.parameters:
        for sample in _tried(parameter):
            message = _fault(strategy, space, parameter, sample, chooser)
            if message is not None:
                faults.append(message)
    if faults:
        raise ConfigError("\n".join(dict.fromkeys(faults)))


def _tried(parameter: Parameter) -> tuple[Sample, ...]:
    """All values, or the two ends of a range."""
    if isinstance(parameter, Choices):
        return parameter.samples()
    ends = (parameter.low, parameter.last if isinstance(parameter, Steps) else parameter.high)
    return tuple(int(end) if parameter.whole else float(end) for end in dict.fromkeys(ends))


def _fault(
    strategy: Strategy, space: Space, parameter: Parameter, sample: Sample, chooser: random.Random
) -> str | None:
    """Return what is wrong with a value in every combination tried, or None."""
    own = {parameter.field: parameter.value_of(sample)}
    message = None
    for others in _combinations(space, parameter, chooser):
        message = _complaint(strategy, others | own, parameter.field)
        if message is None:
            return None
    return message


def _combinations(
    space: Space, parameter: Parameter, chooser: random.Random
) -> Iterator[dict[str, Any]]:
    """Yield values of the other parameters: the manifest's own first, then drawn ones."""
    yield {}
    others = [each for each in space.parameters if each is not parameter]
    if not others:
        return
    for _ in range(TRIES):
        yield {each.field: each.value_of(_drawn(each, chooser)) for each in others}


def _drawn(parameter: Parameter, chooser: random.Random) -> Sample:
    if not isinstance(parameter, Span):
        return chooser.choice(parameter.samples())
    drawn = chooser.uniform(float(parameter.low), float(parameter.high))
    return round(drawn) if parameter.whole else drawn


def _complaint(strategy: Strategy, values: dict[str, Any], field: str) -> str | None:
    """Return the manifest's complaint about one field under these values, if it has one."""
    try:
        with_values(strategy, values)
    except ManifestError as error:
        for problem in error.problems:
            name = write_path(problem.path)
            if name == field or field.startswith((f"{name}.", f"{name}[")):
                return f"{name}: {problem.message}"
            if name.startswith((f"{field}.", f"{field}[")):
                return f"{name}: {problem.message}"
        return None
    except ConfigError as error:
        return str(error) if str(error).startswith(f"{field}:") else None
    return None
