"""The best quote in the codecs of Python: struct, msgspec's MessagePack, orjson; one JSON line."""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

VALUES = (3, 7, 12_345_678, 1_723_161_256_303_000_000, 1_723_161_256_303_100_000)
QUOTE = (268_162, 1_234, 268_163, 2_234)
NAMES = ("source", "instrument", "sequence", "exchange_ns", "send_ns")
QUOTE_NAMES = ("bid", "bid_quantity", "ask", "ask_quantity")


class Bbo(msgspec.Struct, array_like=True, gc=False):
    source: int
    instrument: int
    sequence: int
    exchange_ns: int
    send_ns: int
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int


def best_ns(function: Callable[[], Any], calls: int, repeat: int) -> float:
    """CPU nanoseconds of one call, without the loop's own."""
    best = empty = float("inf")
    for _ in range(repeat):
        start = time.process_time_ns()
        for _ in range(calls):
            function()
        best = min(best, (time.process_time_ns() - start) / calls)
        start = time.process_time_ns()
        for _ in range(calls):
            pass
        empty = min(empty, (time.process_time_ns() - start) / calls)
    return best - empty


def main() -> None:
    """Usage: wire_codecs.py CALLS REPEATS."""
    calls, repeat = int(sys.argv[1]), int(sys.argv[2])
    layout = struct.Struct("<HBBHHQqqqqqq")
    room = bytearray(layout.size)
    fields = (0x6C61, 1, 1, *VALUES, *QUOTE)
    layout.pack_into(room, 0, *fields)
    message = Bbo(*VALUES, *QUOTE)
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Bbo)
    packed = encoder.encode(message)
    named = dict(zip((*NAMES, *QUOTE_NAMES), (*VALUES, *QUOTE), strict=True))
    text = orjson.dumps(named)
    codecs: dict[str, tuple[Callable[[], Any], Callable[[], Any], int]] = {
        "struct": (
            lambda: layout.pack_into(room, 0, *fields),
            lambda: layout.unpack_from(room),
            layout.size,
        ),
        "msgspec MessagePack": (
            lambda: encoder.encode(message),
            lambda: decoder.decode(packed),
            len(packed),
        ),
        "orjson": (lambda: orjson.dumps(named), lambda: orjson.loads(text), len(text)),
    }
    print(
        json.dumps(
            {
                name: [best_ns(encode, calls, repeat), best_ns(decode, calls, repeat), size]
                for name, (encode, decode, size) in codecs.items()
            }
        )
    )


if __name__ == "__main__":
    main()
