"""Whether pool and venues still belong together: hedge ratio, correlation, basis and pegs."""

from __future__ import annotations

from typing import Any, NamedTuple

from alp.models.basis import DeviationMonitor, Reading, Verdict, verdict
from alp.models.caution_ladder import Level
from alp.models.desk import PoolPrice
from alp.models.hedge_ratio import HedgeRatioEstimator
from alp.models.quoting_rules import QuotingRules

CALM = Verdict(Level.NORMAL, 1.0, False, ())


class Ratio(NamedTuple):
    """``h`` of one product, and where it is from; None where there is none to quote with."""

    value: float | None
    source: str
    correlation: float | None


class Mid(NamedTuple):
    """A book's middle, quote per base, and when it was so."""

    price: float
    at_ns: int


class LegGuard:
    """Compares the legs' prices now and then; deterministic."""

    def __init__(self, rules: QuotingRules) -> None:
        self._hedge = rules.hedge
        self._pegs = {
            each.instrument.index: DeviationMonitor(f"peg {each.name}", each.rules)
            for each in rules.pegs
        }
        self._estimators: dict[int, HedgeRatioEstimator] = {}
        self._monitors: dict[int, DeviationMonitor] = {}
        if (hedge := self._hedge) is not None:
            for each in rules.products:
                index = each.instrument.index
                self._estimators[index] = HedgeRatioEstimator(hedge.window_ns, hedge.sample_ns)
                if hedge.basis is not None:
                    name = f"basis {each.instrument.venue}"
                    self._monitors[index] = DeviationMonitor(name, hedge.basis)
        self._pool: PoolPrice | None = None
        self._readings: dict[str, Reading] = {}

    def pool_price(self, event: PoolPrice) -> None:
        """Take in the pool's price."""
        self._pool = event

    @property
    def price(self) -> float | None:
        """The pool's price, quote per base."""
        if self._pool is None or self._hedge is None:
            return None
        return self._hedge.pair.sqrt_x96_to_price(self._pool.sqrt_price_x96)

    def look(self, now_ns: int, mids: dict[int, Mid]) -> None:
        """Compare prices as they are now; `mids` has the last one of each book, with its time."""
        pool = self.price
        for index, monitor in self._monitors.items():
            mid = mids.get(index)
            oldest = min(mid.at_ns if mid else now_ns, self._pool.at_ns if self._pool else now_ns)
            age = max(0, now_ns - oldest)
            price = None if mid is None else mid.price
            self._readings[monitor.name] = monitor.observe(now_ns, pool, price, age)
        for index, estimator in self._estimators.items():
            mid = mids.get(index)
            if pool is not None and mid is not None and now_ns - mid.at_ns < estimator.sample_ns:
                estimator.update(now_ns, pool, mid.price)
        for index, monitor in self._pegs.items():
            mid = mids.get(index)
            self._readings[monitor.name] = monitor.observe(
                now_ns,
                None if mid is None else mid.price,
                1.0,
                0 if mid is None else max(0, now_ns - mid.at_ns),
            )

    def verdict(self, instrument: int) -> Verdict:
        """Return what a product may do: its own basis and all pegs."""
        names = [each.name for each in self._pegs.values()]
        if instrument in self._monitors:
            names.insert(0, self._monitors[instrument].name)
        if not names:
            return CALM
        return verdict(self._readings[name] for name in names if name in self._readings)

    def ratio(self, instrument: int) -> Ratio:
        """Return ``h`` of a product."""
        hedge = self._hedge
        if hedge is None:
            return Ratio(0.0, "no LP leg", None)
        estimator = self._estimators[instrument]
        correlation = estimator.correlation
        if hedge.ratio is not None:
            return Ratio(hedge.ratio, "fixed", correlation)
        measured = estimator.ratio
        if measured is not None:
            return Ratio(min(max(measured, 0.0), hedge.most_ratio), "measured", correlation)
        return Ratio(hedge.first_ratio, "first", correlation)

    def decorrelated(self, ratio: Ratio) -> bool:
        """Whether a product moves too differently from the pool."""
        hedge, known = self._hedge, ratio.correlation
        return hedge is not None and known is not None and known < hedge.min_correlation

    @property
    def readings(self) -> dict[str, Reading]:
        """The last judgement of each monitor."""
        return dict(self._readings)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        pool = self._pool
        return {
            "pool": None if pool is None else [pool.at_ns, str(pool.sqrt_price_x96)],
            "estimators": {str(at): each.snapshot() for at, each in self._estimators.items()},
            "monitors": {str(at): each.snapshot() for at, each in self._monitors.items()},
            "pegs": {str(at): each.snapshot() for at, each in self._pegs.items()},
            "readings": {
                name: {**each._replace(transition=None)._asdict(), "level": int(each.level)}
                for name, each in self._readings.items()
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave."""
        pool = state["pool"]
        self._pool = None if pool is None else PoolPrice(pool[0], int(pool[1]))
        parts: tuple[tuple[str, dict[int, Any]], ...] = (
            ("estimators", self._estimators),
            ("monitors", self._monitors),
            ("pegs", self._pegs),
        )
        for name, known in parts:
            for at, each in state[name].items():
                known[int(at)].restore(each)
        # A transition was told when it was made.
        self._readings = {
            name: Reading(**{**each, "level": Level(each["level"])})
            for name, each in state["readings"].items()
        }
