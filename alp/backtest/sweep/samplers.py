"""How the next point is chosen: the grid in order, or a search.

Every trial has an index of its own, and a search draws trial `index` from a generator seeded with
the study's seed and that index. So a random search draws the same points whatever runs beside it,
and a study that was stopped and resumed goes on as if it had not been.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from alp.backtest.sweep.space import MOST_POINTS, Choices, Parameter, Space, Steps
from alp.errors import ConfigError

Sampler = Literal["auto", "grid", "random", "tpe", "nsga2"]

POPULATION = 20
"""Points of one generation of ``nsga2``."""

IndexOf = Callable[[FrozenTrial], int]


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return a parameter as Optuna knows it."""
    if isinstance(parameter, Choices):
        return CategoricalDistribution(parameter.samples())
    low = parameter.low
    if isinstance(parameter, Steps):
        if parameter.whole:
            return IntDistribution(int(low), int(parameter.last), step=int(parameter.step))
        return FloatDistribution(float(low), float(parameter.last), step=float(parameter.step))
    high, log = parameter.high, parameter.log
    if parameter.whole:
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(float(low), float(high), log=log)


def choose_sampler(wanted: Sampler, space: Space, objectives: int) -> Sampler:
    """Return the sampler to use; ``auto`` is a grid where there is one, else a search.

    Raises
    ------
    ConfigError
        If a grid is wanted of a space without steps, or is too large.
    """
    if wanted == "auto":
        if space.size is None:
            return "tpe" if objectives == 1 else "nsga2"
        wanted = "grid"
    if wanted == "grid":
        for parameter in space.parameters:
            if not isinstance(parameter, Choices | Steps):
                raise ConfigError(
                    f"{parameter.field}: {parameter.text()} has no step, so there is no grid",
                    hint="write low:high:step, or search with --sampler tpe",
                )
        assert space.size is not None
        if space.size > MOST_POINTS:
            raise ConfigError(
                f"the grid has {space.size:,} points; at most {MOST_POINTS:,} are allowed",
                hint="take larger steps, or search with --sampler tpe",
            )
    return wanted


class IndexedSampler(BaseSampler):
    """A sampler whose choice for a trial depends on its index and the history, on no other state.

    Parameters
    ----------
    kind
        Any but ``auto``.
    index_of
        Finds a trial's index.
    """

    def __init__(self, kind: Sampler, space: Space, seed: int, index_of: IndexOf) -> None:
        self._kind = kind
        self._space = space
        self._seed = seed
        self._index_of = index_of
        self._inner: BaseSampler = self._make(0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Seed anew for this trial."""
        self._inner = self._make(self._index_of(trial))
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return what is drawn together."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw all of it."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one parameter by itself."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Let the sampler note what it keeps about a finished trial."""
        self._inner.after_trial(study, trial, state, values)

    def _make(self, index: int) -> BaseSampler:
        seed = int.from_bytes(hashlib.sha256(f"{self._seed}/{index}".encode()).digest()[:4], "big")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            if self._kind == "grid":
                return _PointSampler(self._space, index)
            if self._kind == "random":
                return RandomSampler(seed=seed)
            if self._kind == "tpe":
                return TPESampler(seed=seed, multivariate=True, constant_liar=True)
            assert self._kind == "nsga2"
            return NSGAIISampler(seed=seed, population_size=POPULATION)


class _PointSampler(BaseSampler):
    """Gives one point of the grid."""

    def __init__(self, space: Space, index: int) -> None:
        assert space.size is not None
        self._point = space.point(index % space.size)

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        return self._point[param_name]
