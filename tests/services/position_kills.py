#!/usr/bin/env python3
"""Kill the position server, and now and then its handler; hold the ledger to the exchange's books.

    python tests/services/position_kills.py                       # every venue, 200 kills each
    python tests/services/position_kills.py --venue binance-spot --kills 20 --seed 7 \\
        --ledger postgresql://user@host/database

After every restart each trade of the exchange is in the ledger once, and what the ledger holds is
what the exchange says; at the end the ledger is verified from its first entry. Ends with status 1
where something did not hold, and with 2 where the machine did not keep up.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent.parent
if __name__ == "__main__":
    tests = ROOT / "tests"
    sys.path[:0] = [str(ROOT), *(str(tests / each) for each in ("services", "kills", "venues"))]

from handler_world import Handler  # noqa: E402
from kill_venues import SCENES  # noqa: E402
from position_world import Positions, positions  # noqa: E402

NOT_PLAYED = 2
"""Exit status: a process was not ready in time, so nothing was proven or refuted."""
LIVES_S = (0.05, 1.5)
LIES_S = (0.0, 1.0)


class Late(Exception):
    """A process was not ready in time; a busy machine is enough for that."""


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        yield
    except AssertionError as error:
        raise Late(str(error)) from None


async def play(folder: Path, venue: str, kills: int, seed: int, ledger: str = "") -> Counter[str]:
    """Kill so often; raise where ledger and exchange are not the same."""
    random = Random(f"{venue} {seed}")
    counts: Counter[str] = Counter()
    async with positions(folder, venue, ledger) as here:
        world = here.world
        handler = await world.start()
        async with _in_time():
            await world.ready(handler)
            server = await here.start()
            await here.ready(server)
        opened = here.exchange_base() - here.base()
        assert opened == 0, f"adopted {here.base()} of {here.exchange_base()}"
        for number in range(kills):
            with world.quoting(handler, away=0):
                await asyncio.sleep(random.uniform(*LIVES_S))
                handler = await _kill(here, handler, server, random, counts)
                await asyncio.sleep(random.uniform(*LIES_S))
                server = await here.start()
                if random.random() < 0.5:
                    # It may die while it begins.
                    await asyncio.sleep(random.uniform(0, 0.4))
                    server.signal(signal.SIGKILL)
                    await _gone(server)
                    counts["kills at a start"] += 1
                    server = await here.start()
            async with _in_time():
                await here.ready(server)
            await here.agree()
            counts["rounds"] += 1
            if number % 10 == 9:
                print(f"  {venue}: {number + 1} rounds, {len(here.booked())} trades", flush=True)
        server.signal(signal.SIGTERM)
        assert await server.status() == 0, server.text[-3000:]
        here.verify()
        counts["trades"] = len(here.booked())
        counts["entries"] = here.snapshot().sequence
    return counts


async def _kill(
    here: Positions, handler: Handler, server: Handler, random: Random, counts: Counter[str]
) -> Handler:
    """Kill the server, the handler or both; return the handler that runs afterwards."""
    what = random.choice(("server", "server", "server", "both", "handler"))
    counts[f"kills of {what}"] += 1
    server.signal(signal.SIGKILL)
    await _gone(server)
    if what != "server":
        handler.signal(signal.SIGKILL)
        await _gone(handler)
        handler = await here.world.start()
        async with _in_time():
            await here.world.ready(handler)
    return handler


async def _gone(process: Handler) -> None:
    while process.alive:
        await asyncio.sleep(0.005)


def main() -> int:
    """Play what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venue", choices=sorted(SCENES), action="append")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--ledger", default="", help="a database's URL; SQLite by default")
    given = parser.parse_args()
    failed = late = 0
    for venue in given.venue or sorted(SCENES):
        print(f"{venue}: {given.kills} rounds, seed {given.seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="alp-kills-", ignore_cleanup_errors=True) as name:
            try:
                counts = asyncio.run(play(Path(name), venue, given.kills, given.seed, given.ledger))
            except Late as error:
                print(f"  NOT PLAYED: {error}")
                late += 1
                continue
            except AssertionError as error:
                print(f"  VIOLATION: {error}")
                failed += 1
                continue
        print(f"  {dict(sorted(counts.items()))}", flush=True)
    return 1 if failed else NOT_PLAYED if late else 0


if __name__ == "__main__":
    sys.exit(main())
