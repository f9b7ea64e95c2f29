"""Write the tables of docs/validation.md from the recorded data and the peers' results.

    python docs/validation.py --shared ../shared [--demeter PYTHON]

``--shared`` is the folder with the seed's runs and the recordings, ``--demeter`` a Python that has
zelos-demeter (``benchmarks/backtest.py`` makes one); without it that table stays as it is.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import astuple
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers import compare, seed_case, seed_model  # noqa: E402
from peers.compare import Range  # noqa: E402
from peers.measure import child  # noqa: E402
from peers.seed_model import Bar, Outcome, Rules, Settings  # noqa: E402

from alp.backtest.results import Results  # noqa: E402

PAGE = Path(__file__).with_name("validation.md")
MAINNET = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
DAY = "2024-01-05"
DAY_NUMBER = 19_727
"""The same, counted from 1970."""
PLACES = {
    "always in range": Range(196_000, 202_000, 10**16),
    "often left": Range(199_000, 199_100, 10**16),
    "often left, 8 % of the pool": Range(199_000, 199_100, 10**18),
}
PLACES_30 = {
    "always in range": Range(192_000, 205_980, 10**15),
    "often left": Range(198_960, 199_140, 10**15),
}
RUNGS = {
    "as published": Rules(),
    "fee on input": Rules(fee_on_input=True),
    "+ small moves": Rules(fee_on_input=True, every_move=True),
    "+ inside bars": Rules(True, True, True),
    "+ pool ticks": Rules(True, True, True, 10),
    "+ no skew": Rules(True, True, True, 10, one_width=True),
}


class Pages:
    """Computes each table once; the name of a method is the name of its place in the page."""

    def __init__(self, shared: Path, demeter: Path | None) -> None:
        self.shared = shared
        self.demeter = demeter
        self._bars: dict[Path, list[Bar]] = {}

    def bars(self, case: dict) -> list[Bar]:
        """Return the recording of a case."""
        path = seed_case.file_of(self.shared, case)
        if path not in self._bars:
            self._bars[path] = seed_model.read_bars(path)
        return self._bars[path]

    @cached_property
    def runs(self) -> list[tuple[dict, Settings, Outcome, Results]]:
        """Each published run, rebuilt and run by alp."""
        found = []
        for case in seed_case.cases(self.shared):
            bars, settings = self.bars(case), Settings.of(case)
            rebuilt = seed_model.run(bars, settings)
            path = seed_case.file_of(self.shared, case)
            found.append((case, settings, rebuilt, compare.alp_run(settings, bars[0], path)))
        return found

    def seed_runs(self) -> str:
        """Final amounts, rebalances and returns, theirs and ours."""
        rows = []
        for case, settings, _, ours in self.runs:
            theirs = (
                f"{case['final0']:,.6f}",
                f"{case['final1']:.8f}",
                case["rebalances"],
                case["trades"],
                f"{100 * case['total_return']:+.3f} %",
            )
            rows.append(
                (
                    _label(case, settings),
                    *theirs,
                    f"{ours.inventory.end_quote:,.6f}",
                    f"{ours.inventory.end_base:.8f}",
                    compare.rebalances(ours),
                    f"{100 * ours.nav.change / ours.nav.start:+.3f} %",
                )
            )
        head = ("run", "USDC", "WETH", "rebalances", "trades", "return")
        return table((*head, "alp USDC", "alp WETH", "alp rebalances", "alp return"), rows)

    def seed_rebuilt(self) -> str:
        """How far the independent rebuild is from what was published."""
        apart = moved = drawdown = 0.0
        for case, _, rebuilt, _ in self.runs:
            apart = max(
                apart,
                abs(rebuilt.token0 / case["final0"] - 1),
                abs(rebuilt.token1 / case["final1"] - 1),
            )
            moved += rebuilt.rebalances != case["rebalances"] or rebuilt.trades != case["trades"]
            drawdown = max(drawdown, abs(rebuilt.counted_twice - case["dd"]))
        return (
            f"Largest relative difference of a final balance: {apart:.0e}; runs with another "
            f"number of rebalances or trades: {moved:.0f} of {len(self.runs)}; largest "
            f"difference of a drawdown: {drawdown:.0e}.\n"
        )

    def seed_fees(self) -> str:
        """Fees of the seed's own ranges under one changed rule at a time."""
        rules = {
            "fee on the input": Rules(fee_on_input=True),
            "moves under 5 bps": Rules(every_move=True),
            "path inside bars": Rules(inside_bars=True),
            "all three": compare.AS_A_POOL,
        }
        rows = []
        for case, settings, rebuilt, _ in self.runs:
            bars = self.bars(case)
            plain = compare.fixed_ranges(bars, rebuilt, settings.fee, Rules())
            changes = (
                compare.fixed_ranges(bars, rebuilt, settings.fee, each) / plain - 1
                for each in rules.values()
            )
            shown = (f"{100 * change:+.2f} %" for change in changes)
            rows.append((_label(case, settings), f"{plain:.2f}", *shown))
        return table(("run", "fees, USDC", *rules), rows)

    def seed_rungs(self) -> str:
        """Return and rebalances as one rule after the other becomes a pool's."""
        rows = []
        for case, settings, _, ours in self.runs:
            steps = [seed_model.run(self.bars(case), settings, rule) for rule in RUNGS.values()]
            shown = (f"{100 * step.total_return:+.2f} % ({step.rebalances})" for step in steps)
            change = 100 * ours.nav.change / ours.nav.start
            last = f"{change:+.2f} % ({compare.rebalances(ours)})"
            rows.append((_label(case, settings), *shown, last))
        return table(("run", *RUNGS, "alp"), rows)

    def alp_checked(self) -> str:
        """Fees of alp's own positions, found a second time without alp."""
        rows = []
        for case, settings, _, ours in self.runs:
            base, quote, worst = compare.recomputed(ours, self.bars(case), settings.fee)
            earned_base = sum(position.fees_base for position in ours.positions)
            earned_quote = sum(position.fees_quote for position in ours.positions)
            rows.append(
                (
                    _label(case, settings),
                    len(ours.positions),
                    f"{earned_base:.9f}",
                    f"{base:.9f}",
                    f"{earned_quote:.6f}",
                    f"{quote:.6f}",
                    f"{worst:.1e}",
                )
            )
        head = ("run", "positions", "alp WETH", "checked WETH", "alp USDC", "checked USDC")
        return table((*head, "worst position"), rows)

    def drawdowns(self) -> str:
        """The drawdown the seed reports, and that of what is held."""
        off = [
            (100 * case["dd"], 100 * rebuilt.drawdown, _label(case, settings))
            for case, settings, rebuilt, _ in self.runs
        ]
        low = min(off, key=lambda each: each[1] - each[0])
        high = max(off, key=lambda each: each[1] - each[0])
        return "".join(
            f"- {name}: reported {reported:.3f} %, of what is held {real:.3f} %\n"
            for reported, real, name in (low, high)
        )

    def three_ways(self) -> str:
        """Fees of one position over the recorded day: demeter, bars, swaps."""
        data = self.shared / "data" / "A_uniswap_swaps"
        minutes = data / f"ethereum-0x88e6-5bps-{DAY}.minute.csv.gz"
        events = ROOT / "examples" / "data" / f"ethereum-usdc-weth-5bps-{DAY}.raw.csv.gz"
        liquidity = events.with_name(f"ethereum-usdc-weth-5bps-{DAY}.liquidity.csv")
        swaps = {"pool": {"path": str(events)}, "liquidity": {"path": str(liquidity)}}
        bars = {"pool": {"path": str(minutes)}}
        rows = []
        for name, place in PLACES.items():
            exact = compare.held(swaps, place)
            ways = {
                "alp, swaps, overlay": exact,
                "alp, swaps, re-executed": compare.held(swaps, place, fidelity="reexecute"),
                "alp, minutes, share of volume": compare.held(bars, place, fees="share"),
                "alp, minutes, path": compare.held(bars, place, fees="path"),
                "zelos-demeter 1.3.0, minutes": self._demeter(minutes, "ethereum", MAINNET, place),
            }
            for way, found in ways.items():
                apart = [100 * (found[side] / exact[side] - 1) for side in (0, 1)]
                rows.append(
                    (
                        name if way.endswith("overlay") else "",
                        way,
                        f"{found[0]:,.4f}",
                        f"{found[1]:.7f}",
                        *(f"{each:+.2f} %" for each in apart),
                    )
                )
        return table(("position", "way", "USDC", "WETH", "USDC off", "WETH off"), rows)

    def _demeter(self, minutes: Path, chain: str, pool: str, place: Range) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / f"{chain}-{pool}-{DAY}.minute.csv"
            plain.write_bytes(gzip.decompress(minutes.read_bytes()))
            lower, upper, liquidity = astuple(place)
            command = [self.demeter, ROOT / "benchmarks" / "peers" / "demeter_driver.py"]
            command += ["position", "--data", folder, "--chain", chain, "--pool", pool]
            command += ["--days", DAY, DAY, "--range", lower, upper, "--liquidity", liquidity]
            fees = child(command, environment={"HOME": folder}).record["fees"]
        return float(fees[0]), float(fees[1])

    def recorded_day(self) -> str:
        """Fees on one day of the pool the seed's file was recorded from, by its own swaps."""
        case = next(each for each in seed_case.cases(self.shared) if "3weeks" in each["csv"])
        day = [bar for bar in self.bars(case) if bar.minute // 1440 == DAY_NUMBER]
        events = ROOT / "examples" / "data" / f"ethereum-usdc-weth-30bps-{DAY}.raw.csv.gz"
        liquidity = events.with_name(f"ethereum-usdc-weth-30bps-{DAY}.liquidity.csv")
        swaps = {"pool": {"path": str(events)}, "liquidity": {"path": str(liquidity)}}
        rows = []
        for name, place in PLACES_30.items():
            exact = compare.held(swaps, place, fee_tier=3000)
            ways = {"alp, every swap": exact[:2]}
            band = compare.band_of(place, last=day[0].close)
            life = seed_model.Life(0, len(day) - 1, band)
            for way, rules in (
                ("alp's path through the file's minutes", compare.AS_A_POOL),
                ("the seed's way, close to close", Rules()),
            ):
                found = seed_model.earned(day, life, 0.003, rules)
                ways[way] = (found.fees0, found.fees1)
            for way, fees in ways.items():
                apart = [100 * (fees[side] / exact[side] - 1) for side in (0, 1)]
                cells = (f"{fees[0]:,.5f}", f"{fees[1]:.8f}", *(f"{each:+.2f} %" for each in apart))
                rows.append((name if way == "alp, every swap" else "", way, *cells))
        return table(("position", "way", "USDC", "WETH", "USDC off", "WETH off"), rows)

    def chain(self) -> str:
        """Swaps of the recorded day executed again."""
        events = ROOT / "examples" / "data" / f"ethereum-usdc-weth-5bps-{DAY}.raw.csv.gz"
        liquidity = events.with_name(f"ethereum-usdc-weth-5bps-{DAY}.liquidity.csv")
        counts = compare.against_the_chain(events, liquidity)
        total = sum(counts.values())
        names = {
            "exact_input": "as the exact input it was",
            "exact_output": "as the exact output it was",
            "price_limit": "as an input stopped by its price limit",
            "one_unit": "all but an amount, which is one raw unit off",
            "differs": "not",
        }
        rows = [(name, f"{counts[kind]:,}") for kind, name in names.items()]
        return table(("reproduced in every integer", "swaps"), [*rows, ("all", f"{total:,}")])


def _label(case: dict, settings: Settings) -> str:
    model = "GLFT" if settings.model == "GLFTModel" else "AS"
    numbers = (settings.min_range_pct, settings.max_range_pct)
    where = {"eth_usdc_3days": " 3 days", "arb_eth_usdc_s": " Arbitrum"}.get(case["csv"][:14], "")
    shown = "/".join(f"{each:g}" for each in (*numbers, settings.base_spread, settings.threshold))
    readme = " (README)" if case["case"].startswith("README") else ""
    return f"{model} {shown}{where}{readme}"


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(map(str, head))]
    lines.append(["---", *("--:" for _ in lines[0][1:])])
    lines += [[str(cell) for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled(page: str, name: str, make: Callable[[], str]) -> str:
    """Return the page with what lies between the markers of `name` made anew."""
    pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE.name} has no place for {name}")
    text = make()
    return pattern.sub(lambda match: f"{match[1]}\n{text}\n{match[2]}", page)


def main() -> None:
    """Fill the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--demeter", type=Path)
    given = parser.parse_args()
    pages = Pages(given.shared.resolve(), given.demeter)
    page = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"<!-- begin (\w+) -->", page):
        if name == "three_ways" and given.demeter is None:
            print("three_ways is left as it is: it needs --demeter")
        else:
            page = filled(page, name, getattr(pages, name))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
