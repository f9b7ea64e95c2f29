"""A ledger's writer to be killed: applies batches, and says each that was acknowledged."""

from __future__ import annotations

import sys

from ledger_world import ASSETS, fill

from alp.ledger.ledger import Ledger

BATCH = 40


def main(place: str) -> None:
    ledger = Ledger(place, ASSETS, holder="to be killed")
    number = int(sys.argv[2])
    print("open", flush=True)
    while True:
        ledger.apply(fill(number + each, 1 if each % 3 else -1) for each in range(BATCH))
        number += BATCH
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
