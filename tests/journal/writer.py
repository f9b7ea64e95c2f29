"""A process that journals without end, and says which records it was told are durable.

python writer.py FOLDER SEED MODE
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from journal_world import Account, open_journal

from alp._core.journal import JournalMode
from alp.journal.journal import JournalOptions


def main() -> None:
    folder, seed, mode = Path(sys.argv[1]), int(sys.argv[2]), JournalMode[sys.argv[3]]
    options = JournalOptions(mode=mode, orders=64, trades=512, segment_bytes=1 << 16)
    journal = open_journal(folder, options)
    os.write(1, f"open {journal.token} {journal.writer.appended}\n".encode())
    account = Account(journal, seed)
    batches = random.Random(seed)
    while True:
        for _ in range(batches.randint(1, 5)):
            account.step()
        journal.writer.commit()
        os.write(1, f"safe {journal.writer.durable}\n".encode())


if __name__ == "__main__":
    main()
