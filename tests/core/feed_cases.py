"""Messages for the tests of the feed parsers, and what is asked of every message."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plain_feeds import Product, Refused, plain

from alp._core.feeds.frame import Parser

ODD_BYTES = b'"\\{}[]:,.-+ \n0159eEtn\x00\x80\xff'


def product(name: str, price_decimals: int = 8, quantity_decimals: int = 8) -> Product:
    return name, price_decimals, 1, quantity_decimals, 1


def committed(root: Path, name: str) -> list[bytes]:
    return (root / "tests" / "data" / "feeds" / name).read_bytes().splitlines()


def fixture(shared: Path, name: str) -> list[bytes]:
    """What the venue sent in a file of ``venues/fixtures``."""
    path = shared / "venues" / "fixtures" / "public" / name
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["raw"].encode() for row in rows if row["direction"] == "in"]


def _lines(path: Path) -> Iterator[bytes]:
    if path.suffix == ".zst":
        zstandard = pytest.importorskip("zstandard", reason="the capture is compressed by zstd")
        with path.open("rb") as raw:
            yield from io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw))
    else:
        with gzip.open(path) as lines:
            yield from lines


def capture(shared: Path, name: str) -> Iterator[bytes]:
    """The venue's messages in a capture of ``data/B_l2_raw``."""
    for row in _lines(shared / "data" / "B_l2_raw" / name):
        line = row.rstrip(b"\n")
        if name.endswith(".ndjson.gz"):
            yield line
        elif name.endswith(".zst"):
            entry = json.loads(line)
            if entry["t"] == "recv":
                yield entry["data"].encode()
        else:
            start = line.find(b"{")
            if start >= 0:
                yield line[start:]


def mutations(message: bytes, seed: int = 7) -> Iterator[bytes]:
    """Each byte replaced, left out, doubled; a few values for each."""
    source = random.Random(seed)
    for at in range(len(message)):
        before, after = message[:at], message[at + 1 :]
        yield before + after
        yield before + message[at : at + 1] + message[at:]
        for byte in {*source.sample(ODD_BYTES, 5), message[at] ^ 1, message[at] ^ 32}:
            yield before + bytes([byte]) + after


class Token(str):
    """A number as it is written."""


def _reversed(value: Any) -> str:
    """JSON with a tab where a space may be, the members of objects from last to first."""
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}\t:\t{_reversed(each)}" for name, each in value.items()]
        return "{\t" + "\t,\t".join(reversed(members)) + "\t}"
    if isinstance(value, list):
        return "[\t" + "\t,\t".join(map(_reversed, value)) + "\t]"
    return value if isinstance(value, Token) else json.dumps(value)


class Compared:
    """A compiled parser beside the plain one."""

    def __init__(self, venue: str, products: Iterable[Product]) -> None:
        self.venue = venue
        self.products = list(products)
        self.parser = Parser(venue, self.products)

    def plain(self, message: bytes) -> dict[str, Any] | None:
        """None where the message must be refused."""
        try:
            return plain(self.venue, self.products, message)
        except (Refused, ValueError):
            return None

    def same(self, message: bytes) -> dict[str, Any]:
        """The values of a sound message, the same from both."""
        wanted = plain(self.venue, self.products, message)
        found = self.parser.parse(message)
        assert found == wanted, message[:400]
        return found

    def all_same(self, messages: Iterable[bytes]) -> dict[str, int]:
        """Compare them all; how many updates of each kind there were."""
        kinds: dict[str, int] = {"messages": 0}
        for message in messages:
            found = self.same(message)
            kinds["messages"] += 1
            for name in [each["kind"] for each in found["updates"]] or [found["kind"]]:
                kinds[name] = kinds.get(name, 0) + 1
        return kinds

    def refused(self, message: bytes) -> str:
        found = self.parser.parse(message)
        assert found["fault"], message
        assert self.plain(message) is None, message
        return found["fault"]

    def in_any_order(self, message: bytes) -> None:
        """The members of all objects reversed, and with spaces between all parts."""
        wanted = self.same(message)
        text = _reversed(json.loads(message, parse_float=Token, parse_int=Token))
        for shuffled in (text, text.replace("\t", " \n"), text.replace("\t", "")):
            assert self.parser.parse(shuffled.encode()) == wanted, shuffled

    def survives(self, message: bytes) -> None:
        """Prefixes are refused; a changed byte gives a fault or what the changed text says.

        Where the change leaves no JSON, it may only have hit a value that nobody asked for.
        """
        whole = self.same(message)
        for length in range(len(message)):
            assert self.parser.parse(message[:length])["fault"], message[:length]
        for changed in mutations(message):
            found = self.parser.parse(changed)
            if found["fault"]:
                continue
            wanted = self.plain(changed)
            assert found == (whole if wanted is None else wanted), changed
        assert self.parser.parse(message) == whole
