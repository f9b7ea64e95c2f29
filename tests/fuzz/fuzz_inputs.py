"""What the fuzzer begins with: products, messages of every kind, words that the parsers know."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
RECORDED = ROOT / "tests" / "data" / "feeds"

Product = tuple[str, int, int, int, int]

PRODUCTS: dict[str, list[Product]] = {
    "binance": [("ETHUSDT", 2, 1, 3, 1), ("BTCUSDT", 8, 1, 8, 1), ("DOTUSDT", 1, 5, 0, 3)],
    "coinbase": [("ETH-USD", 2, 1, 8, 1), ("BTC-USD", 8, 1, 8, 1), ("SKL-GBP", 1, 5, 0, 3)],
    "kraken": [("ETH/USD", 2, 1, 8, 1), ("BTC/USD", 1, 1, 8, 1), ("DOT/USD", 1, 5, 0, 3)],
    "kraken-futures": [("PI_LTCUSD", 2, 1, 0, 1), ("PI_XBTUSD", 8, 1, 8, 1), ("PF_X", 1, 5, 0, 3)],
}
"""Of each venue: a grid as it is, a very fine one, and one of odd steps."""

PARSERS = {
    "binance-usdm": "binance",
    "binance-spot": "binance",
    "coinbase": "coinbase",
    "coinbase-exchange": "coinbase-exchange",
    "kraken": "kraken",
    "kraken-futures": "kraken-futures",
}
"""The venues, by the rules of their books, and the parser of each."""

_DEPTH = (
    '{"e":"depthUpdate","E":1700000000001,"T":1700000000000,"s":"%s","U":%d,"u":%d,"pu":%d,'
    '"b":[["2000.10","0.500"],["1999","1"]],"a":[["2000.20","0"],["2001.00","3"]]}'
)
_SNAPSHOT = (
    '{"stream":"ethusdt@depth20","data":{"lastUpdateId":%d,"E":1,"T":2,'
    '"bids":[["2000.00","1.000"],["1990.5","0.5"]],"asks":[["2000.20","1"],["3000","2.5"]]}}'
)
_ADVANCED = (
    '{"channel":"l2_data","client_id":"","timestamp":"2026-01-01T00:00:00.000001Z",'
    '"sequence_num":%d,"events":[{"type":"%s","product_id":"ETH-USD","updates":[{"side":"bid",'
    '"event_time":"2026-01-01T00:00:00Z","price_level":"%s","new_quantity":"1.5"},'
    '{"side":"offer","price_level":"2000.20","new_quantity":"%d"}]}]}'
)
_FUTURES = (
    '{"feed":"book","product_id":"PI_LTCUSD","side":"%s","seq":%d,"price":%s,"qty":%d,'
    '"timestamp":1626994927748}'
)
LARGEST = 2**63 - 1

OWN: dict[str, list[str]] = {
    "binance-usdm": [
        f"{_SNAPSHOT % 10}\n{_DEPTH % ('ETHUSDT', 9, 12, 8)}\n{_DEPTH % ('ETHUSDT', 13, 15, 12)}",
        f"{_DEPTH % ('ETHUSDT', 9, 12, 8)}\n{_SNAPSHOT % 10}\n{_DEPTH % ('ETHUSDT', 16, 17, 15)}",
        f"{_SNAPSHOT % LARGEST}\n{_DEPTH % ('ETHUSDT', LARGEST, LARGEST, LARGEST)}",
        f"{_DEPTH % ('BTCUSDT', 0, 0, 0)}\n!\n{_DEPTH % ('DOTUSDT', 1, 2, 0)}",
        '{"result":null,"id":1}\n{"error":{"code":2,"msg":"Invalid request"},"id":3}',
        '{"code":-1121,"msg":"Invalid symbol."}\n{"e":"serverShutdown","E":1770123456789}',
    ],
    "coinbase": [
        f"{_ADVANCED % (0, 'snapshot', '2000.1', 2)}\n{_ADVANCED % (1, 'update', '2000.1', 0)}",
        f"{_ADVANCED % (1, 'snapshot', '2000.1', 2)}\n{_ADVANCED % (3, 'update', '1999', 1)}",
        f"{_ADVANCED % (LARGEST, 'snapshot', '1', 2)}\n{_ADVANCED % (0, 'update', '1999', 1)}",
        '{"type":"error","message":"authentication failure"}',
    ],
    "coinbase-exchange": [
        '{"type":"snapshot","product_id":"ETH-USD","bids":[["2000.1","1"]],'
        '"asks":[["2000.2","2"],["2001","3"]]}\n{"type":"l2update","product_id":"ETH-USD",'
        '"time":"2026-01-01T00:00:00.5Z","changes":[["buy","2000.15","1"],["sell","2000.2","0"]]}',
        '{"type":"error","message":"Failed to subscribe","reason":"no such product"}',
    ],
    "kraken": [
        '{"method":"subscribe","success":false,"error":"Currency pair not supported","req_id":7}',
        '{"method":"pong","req_id":42}',
    ],
    "kraken-futures": [
        '{"feed":"book_snapshot","product_id":"PI_LTCUSD","timestamp":1626994927000,"seq":5,'
        '"bids":[{"price":119.4,"qty":10}],"asks":[{"price":119.5,"qty":7.0}]}\n'
        + "\n".join(_FUTURES % row for row in (("buy", 6, "119.42", 5), ("sell", 7, "119.5", 0))),
        "\n".join(_FUTURES % row for row in (("buy", LARGEST, "119.42", 5), ("sell", 0, "1e2", 1))),
        '{"event":"subscribed","feed":"book","product_ids":["PI_LTCUSD"]}',
        '{"event":"error","message":"Invalid feed"}\n{"feed":"heartbeat","time":1534262350627}',
    ],
}
OWN["binance-spot"] = [each.replace(',"pu":', ',"x":') for each in OWN["binance-usdm"]]

WORDS = (
    *("true", "false", "null", "0.00", "1e-2", "1E+3", "-0", "[]", "{}", '""', "\\u0041", "\\\\"),
    *(str(2**power - 1) for power in (31, 32, 62, 63, 64)),
    *("999999999999999999", "1000000000000000000", "0.000000001", "9000000000000"),
    *("2026-01-01T00:00:00Z", "2016-12-31T23:59:60.123456789Z", "\n", "\n!\n"),
    *(',"', '":', '["', '"],["', "[{", "},{", "}]"),
)


def products_of(venue: str) -> list[Product]:
    """Return the products of a venue's feeds, as ``Feed`` takes them."""
    return PRODUCTS.get(venue) or PRODUCTS[venue.partition("-")[0]]


def seeds(venue: str) -> Iterator[bytes]:
    """Recorded messages alone and a file at a time, and what no recording has."""
    names = {"coinbase": "coinbase-advanced", "kraken": "kraken-spot"}
    for path in sorted(RECORDED.glob(f"{names.get(venue, venue)}-*.jsonl")):
        whole = path.read_bytes()
        yield whole
        yield from whole.splitlines()
    for text in OWN[venue]:
        yield text.encode()
        yield from text.encode().splitlines()


def kept(venue: str) -> dict[str, bytes]:
    """Inputs that earlier runs found, by name."""
    path = CORPUS / f"{venue}.zip"
    if not path.is_file():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def keep(venue: str, inputs: dict[str, bytes]) -> int:
    """Replace the kept inputs; return the archive's size. The same inputs give the same bytes."""
    path = CORPUS / f"{venue}.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, value in sorted(inputs.items()):
            archive.writestr(zipfile.ZipInfo(name), value, zipfile.ZIP_DEFLATED)
    return path.stat().st_size


def dictionary(venue: str) -> str:
    """Words for the fuzzer to put together: those that the parser compares with, and JSON's."""
    name = {"kraken": "kraken_spot"}.get(venue, PARSERS[venue].replace("-", "_"))
    source = (ROOT / "alp" / "_core" / "feeds" / f"{name}.pyx").read_text(encoding="utf-8")
    known = re.findall(r'text_is\(\w+(?:\.\w+)?, b"([^"]+)"', source)
    products = [name for name, *_ in products_of(venue)]
    words = [*(f'"{word}"' for word in (*known, *products)), *WORDS]
    return "".join(f'"{_escaped(word)}"\n' for word in dict.fromkeys(words))


def _escaped(word: str) -> str:
    return "".join(f"\\x{ord(each):02x}" if each in '"\\\n' else each for each in word)
