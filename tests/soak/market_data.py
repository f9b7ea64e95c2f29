"""The soak of market data: recorded streams at 20 times their pace into a real quote server.

::

    python tests/soak/market_data.py --minutes 10

Four exchanges on localhost play what was recorded of them (see ``recordings.py``), ``alp
quote-server`` follows all their products as users run it, and a reader takes everything from its
bus. At the end nothing may be missing or broken anywhere, the bus's last word on each product must
be the exchange's book, and neither process may have grown. Exit status 1 on a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from processes import HERE, MEGABYTE, ROOT, Child, cpu_seconds, free_port, resident_bytes, trend
from prometheus_client.parser import text_string_to_metric_families

MOST_BEHIND = 0.05
"""Of the run: a machine that cannot play so fast proves nothing."""
STALL_S = 5.0
"""What may be behind in any case: other work on the machine stops everything now and then."""
WITHIN_S = 60.0
"""For a process to be ready, or to answer."""
SETTLE_S = 10.0
"""For what was sent to be received."""
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {name: soak}
spec:
  pool: {chain: ethereum, base: WETH, quote: USDC, feeTier: 500}
  inventory: {base: "1", quote: "2500"}
  venues:
"""
VENUE = """\
  - name: {name}
    exchange: {exchange}
    symbol: {symbol}
    endpoints: {{rest: "{rest}", stream: "{stream}"}}
"""
FAULTY = {
    "alp_feed_malformed_total": "messages that could not be read",
    "alp_feed_lost_frames_total": "messages missing by a connection's numbers",
    "alp_feed_refused_total": "requests that an exchange refused",
    "alp_feed_unknown_symbols_total": "updates of unknown products",
    "alp_book_invalidations_total": "books given up",
    "alp_session_ends_total": "connections ended",
    "alp_bus_dropped_total": "messages that the bus did not take",
    "missing_trades": "trades missing by their numbers",
    "repeated_trades": "trades repeated",
}


@dataclass(frozen=True)
class Sample:
    """One look at the processes.

    Attributes
    ----------
    at_s
        Since the beginning of the measurement.
    resident
        Bytes by process: ``server``, ``reader``.
    totals
        Metrics, summed over their labels.
    """

    at_s: float
    resident: dict[str, int]
    totals: dict[str, float]


@dataclass
class Summary:
    """What a soak found."""

    seconds: float = 0.0
    speed: float = 0.0
    recorded: bool = True
    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there was no fault."""
        return not self.faults


class Soak:
    """The processes of one soak.

    Parameters
    ----------
    tell
        Hears how it goes, a line at a time.
    """

    def __init__(
        self,
        *,
        seconds: float,
        speed: float,
        shared: Path | None,
        seed: int,
        every_s: float,
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._seconds = seconds
        self._every_s = every_s
        self._tell = tell
        self._port = free_port()
        self._folder = folder
        self._begun = 0.0
        self.samples: list[Sample] = []
        self.summary = Summary(seconds, speed, shared is not None)
        options = ["--speed", str(speed), "--seed", str(seed)]
        if shared is not None:
            options += ["--shared", str(shared)]
        self.exchanges = Child(
            "played.py", [str(HERE / "played.py"), *options], folder / "exchanges.log"
        )
        self._children = [self.exchanges]

    def close(self) -> None:
        """End every process, the readers first."""
        for child in reversed(self._children):
            child.end()

    def run(self) -> Summary:
        """Return what happened."""
        self._tell("the exchanges read what they are to play")
        served = json.loads(self.exchanges.line())
        endpoints = [f"ipc://{self._folder}/q.ipc", f"ipc://{self._folder}/q.recall.ipc"]
        server = self._start_server(served, endpoints)
        reader = Child("listening.py", [str(HERE / "listening.py"), *endpoints], self._log("read"))
        self._children.append(reader)
        reader.line()
        self._begun = time.monotonic()
        cpu = {each.name: cpu_seconds(each.pid) for each in self._children}
        first = self._sample(server, reader)
        sent = self._sent()
        while (left := self._seconds - self._elapsed()) > 0:
            time.sleep(min(self._every_s, left))
            self._progress(self._sample(server, reader))
        last = self.samples[-1]
        counted = self.exchanges.ask("count")
        used = {
            each.name: (cpu_seconds(each.pid) - cpu[each.name]) / last.at_s
            for each in self._children
        }
        books = self.exchanges.ask("stop")
        self._settle()
        reader.close_input()
        heard = json.loads(reader.line())
        self._judge(first, last, sent, counted, heard)
        self._judge_books(books, heard["books"])
        self.summary.figures["processors"] = {name: round(each, 3) for name, each in used.items()}
        return self.summary

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _start_server(self, served: list[dict[str, Any]], endpoints: list[str]) -> Child:
        manifest = self._folder / "soak.yaml"
        text = MANIFEST
        for each in served:
            for symbol in each["symbols"]:
                name = f"{each['exchange']}-{symbol}".lower().replace("/", "-").replace("_", "-")
                text += VENUE.format(name=name, symbol=symbol, **{k: each[k] for k in _PLACE})
        manifest.write_text(text)
        server = Child(
            "alp quote-server",
            [
                *("-m", "alp", "--log-level", "info", "quote-server", str(manifest)),
                *("--publish", endpoints[0], "--recall", endpoints[1]),
                *("--health", f"127.0.0.1:{self._port}"),
            ],
            self._log("server"),
        )
        self._children.append(server)
        end = time.monotonic() + WITHIN_S
        while not self._is_ready():
            if server.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"no quote server: {server.errors.read_text()[-2000:]}")
            time.sleep(0.1)
        return server

    def _get(self, path: str) -> str:
        url = f"http://127.0.0.1:{self._port}{path}"
        with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
            return str(answer.read().decode())

    def _is_ready(self) -> bool:
        try:
            self._get("/readyz")
        except OSError:
            return False
        return True

    def _metrics(self) -> dict[str, float]:
        """Return metrics summed over their labels; those of the bus by kind, as well."""
        totals: dict[str, float] = {}
        for family in text_string_to_metric_families(self._get("/metrics")):
            for sample in family.samples:
                totals[sample.name] = totals.get(sample.name, 0) + sample.value
                if sample.name == "alp_bus_published_total":
                    totals[sample.labels["kind"]] = sample.value
                if sample.name == "alp_feed_messages_total":
                    name = f"received {sample.labels['exchange']}"
                    totals[name] = totals.get(name, 0) + sample.value
                if sample.name == "alp_book_live":
                    totals["books"] = totals.get("books", 0) + 1
        return totals

    def _sample(self, server: Child, reader: Child) -> Sample:
        resident = {"server": resident_bytes(server.pid), "reader": resident_bytes(reader.pid)}
        sample = Sample(self._elapsed(), resident, self._metrics())
        self.samples.append(sample)
        return sample

    def _sent(self) -> int:
        return sum(each["sent"] for each in self.exchanges.ask("count").values())

    def _progress(self, sample: Sample) -> None:
        before = self.samples[-2]
        seconds = sample.at_s - before.at_s
        rates = {
            name: (sample.totals[key] - before.totals[key]) / seconds
            for name, key in (("messages", "alp_feed_messages_total"), ("quotes", "quotes"))
        }
        broken = [name for key, name in FAULTY.items() if sample.totals.get(key)]
        self._tell(
            f"{sample.at_s:6.0f} s  {rates['messages']:7.0f} messages/s  "
            f"{rates['quotes']:7.0f} quotes/s  lag "
            f"{sample.totals['alp_loop_lag_seconds'] * 1e3:6.1f} ms  "
            f"server {sample.resident['server'] / MEGABYTE:7.2f} MiB  "
            f"reader {sample.resident['reader'] / MEGABYTE:7.2f} MiB  "
            f"{', '.join(broken) or 'no fault'}"
        )

    def _settle(self) -> None:
        """Wait until all that was sent is received, and see that it is."""
        end = time.monotonic() + SETTLE_S
        while True:
            before = self.exchanges.ask("count")
            totals = self._metrics()
            after = self.exchanges.ask("count")
            unequal = [
                f"{name}: {row['sent']} messages sent, "
                f"{totals[f'received {name}'] - row['snapshots']:.0f} received"
                for name, row in before.items()
                if totals[f"received {name}"] - row["snapshots"] != row["sent"]
            ]
            if before == after and not unequal:
                break
            if time.monotonic() > end:
                self.summary.faults += unequal
                break
            time.sleep(0.2)
        time.sleep(1)  # a depth message may be held back for its interval

    def _judge(
        self,
        first: Sample,
        last: Sample,
        sent: int,
        counted: dict[str, Any],
        heard: dict[str, Any],
    ) -> None:
        summary = self.summary
        totals = self._metrics()
        for key, name in FAULTY.items():
            if totals.get(key):
                summary.faults.append(f"{totals[key]:.0f} {name}")
        for name, count in heard["faults"].items():
            summary.faults.append(f"{count} {name}")
        for sample in self.samples:
            if sample.totals["alp_book_live"] != sample.totals["books"]:
                summary.faults.append(f"a book was not live after {sample.at_s:.0f} s")
        sessions = totals["alp_session_connects_total"]
        opened = sum(each["opened"] for each in counted.values())
        if sessions != totals["alp_session_connected"] or opened != sessions:
            summary.faults.append(f"{opened} connections were opened, {sessions:.0f} by its count")
        seconds = last.at_s - first.at_s
        played = sum(each["sent"] for each in counted.values()) - sent
        self._judge_pace(counted)
        self._judge_memory()
        received = last.totals["alp_feed_messages_total"] - first.totals["alp_feed_messages_total"]
        size = last.totals["alp_feed_bytes_total"] - first.totals["alp_feed_bytes_total"]
        summary.figures.update(
            messages_sent=played,
            messages_received=int(received),
            messages_per_second=round(received / seconds, 1),
            bytes_per_second=round(size / seconds),
            quotes_per_second=round(heard["messages"].get("quotes", 0) / heard["seconds"], 1),
            heard=heard["messages"],
            largest_loop_lag_ms=round(
                1e3 * max(each.totals["alp_loop_lag_seconds"] for each in self.samples), 2
            ),
            exchanges=counted,
        )

    def _judge_pace(self, counted: dict[str, Any]) -> None:
        for name, row in counted.items():
            if row["behind_s"] > max(STALL_S, MOST_BEHIND * self._seconds):
                self.summary.faults.append(
                    f"{name}: this machine cannot play it so fast: {row['behind_s']:.1f} s behind"
                )

    def _judge_memory(self) -> None:
        times = [each.at_s for each in self.samples]
        for process in ("server", "reader"):
            values = [each.resident[process] for each in self.samples]
            line = trend(times, values, self._seconds)
            self.summary.figures[f"{process}_memory"] = {
                "after_a_quarter_bytes": line.first,
                "last_bytes": line.last,
                "most_bytes": max(values),
                "slope_bytes_per_second": round(line.slope, 2),
                "standard_error": round(line.error, 2),
                "growth_over_the_run_bytes": round(line.growth),
            }
            if line.grows:
                self.summary.faults.append(
                    f"the {process} grows by {line.slope:.0f} ± {line.error:.0f} bytes a second"
                )

    def _judge_books(self, books: dict[str, Any], heard: dict[str, Any]) -> None:
        expected = {
            f"{exchange} {symbol}": book
            for exchange, found in books.items()
            for symbol, book in found.items()
        }
        if set(expected) != set(heard):
            self.summary.faults.append(f"the bus tells of {sorted(heard)}")
        for name in set(expected) & set(heard):
            self.summary.faults += differences(name, expected[name], heard[name])
        self.summary.figures["books_compared"] = len(set(expected) & set(heard))


_PLACE = ("exchange", "rest", "stream")


def differences(name: str, book: dict[str, Any], heard: dict[str, Any]) -> Iterator[str]:
    """Compare a book as the exchange has it with what the bus said last."""

    def told(levels: Sequence[Sequence[int]]) -> list[tuple[Decimal, ...]]:
        scales = [Decimal(step).scaleb(-decimals) for decimals, step in map(heard.get, _SCALES)]
        return [tuple(n * s for n, s in zip(each, scales, strict=True)) for each in levels]

    wanted = {
        side: [tuple(map(Decimal, level)) for level in book[side]] for side in ("bids", "asks")
    }
    if not heard["live"]:
        yield f"{name}: not live at the end"
    if heard["quote"] is None or heard["bids"] is None:
        yield f"{name}: no quote or no depth"
        return
    bid, bids, ask, asks = heard["quote"]
    quote = told([(bid, bids), (ask, asks)])
    if quote != [wanted["bids"][0], wanted["asks"][0]]:
        yield f"{name}: the last quote is {quote}, the book {wanted['bids'][0], wanted['asks'][0]}"
    for side in ("bids", "asks"):
        if told(heard[side]) != wanted[side]:
            yield f"{name}: the last {side} are {told(heard[side])}, the book's {wanted[side]}"


_SCALES = ("price", "quantity")


@contextmanager
def soaking(**options: Any) -> Iterator[Soak]:
    """Start the exchanges of a soak; end every process afterwards."""
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        soak = Soak(folder=Path(folder), **options)
        try:
            yield soak
        finally:
            soak.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--speed", type=float, default=20, help="times the recorded pace")
    parser.add_argument("--seed", type=int, default=1, help="of what is made up")
    parser.add_argument("--every", type=float, default=5, help="seconds between two samples")
    parser.add_argument("--made-up", action="store_true", help="play no recordings")
    parser.add_argument("--json", type=Path, help="write the summary and all samples here")
    options = parser.parse_args(arguments)
    shared = ROOT.parent / "shared"
    terminal = sys.stderr.isatty()

    def tell(line: str) -> None:
        print(f"\r{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr)
        sys.stderr.flush()

    with soaking(
        seconds=60 * options.minutes,
        speed=options.speed,
        shared=None if options.made_up or not shared.is_dir() else shared,
        seed=options.seed,
        every_s=options.every,
        tell=tell,
    ) as soak:
        summary = soak.run()
    if terminal:
        print(file=sys.stderr)
    row = {**vars(summary), "ok": summary.ok}
    print(json.dumps(row, indent=1))
    if options.json is not None:
        samples = [vars(each) for each in soak.samples]
        options.json.write_text(json.dumps({**row, "samples": samples}) + "\n")
    return 0 if summary.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
