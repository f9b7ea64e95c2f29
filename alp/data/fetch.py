"""A pool's events from an Ethereum node to a CSV of raw logs, in chunks that survive anything.

Finished chunks are appended to ``OUT.part`` and then recorded in ``OUT.fetch.json`` with the hash
of their last block. Whatever interrupts it, a later run cuts ``OUT.part`` back to the last record,
goes back behind a reorganisation if the recorded hashes are no longer the chain's, and goes on.
``OUT`` itself appears when it is complete.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from alp.chain.rpc import Rpc, TooMuch
from alp.data.fetch_state import Border, FetchState
from alp.errors import ConfigError, DataError, RpcError

FIRST_CHUNK = 1000
LARGEST_CHUNK = 10_000
_HEADERS = 100
_NO_FINALITY = "if the node knows no finality, say how far to stay behind: --confirmations 64"
_COLUMNS = "block_number,block_timestamp,transaction_hash,transaction_index,log_index,topics,data\n"
_MOST_CHANGES = 8
# Chunks in a row a node must have answered after a refusal before it is asked for more again.
_CALM = 10


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a download ended with."""

    from_block: int
    to_block: int
    rows: int
    requests: int
    rewound: int
    """How often the chain had been reorganised behind what was fetched."""


class _Reorganised(Exception):  # noqa: N818 - an event, not a failure
    """The chain is no longer the one that the last chunk was read from."""


class Fetcher:
    """Downloads the events of one pool.

    Parameters
    ----------
    target
        ``.csv`` or ``.csv.gz``.
    confirmations
        How far behind the newest block to stop; None to stop at the finalized block.
    progress
        Called with the last block done and the rows so far.
    """

    def __init__(
        self,
        rpc: Rpc,
        pool: str,
        target: Path,
        *,
        confirmations: int | None = None,
        chunk: int = FIRST_CHUNK,
        progress: Callable[[int, int], None] = lambda _block, _rows: None,
    ) -> None:
        if not (target.name.endswith((".csv", ".csv.gz"))):
            raise ConfigError(f"{target}: the file's name must end in .csv or .csv.gz")
        self.rpc = rpc
        self.pool = pool.lower()
        self.target = target
        self.part = target.with_name(target.name + ".part")
        self.state_path = target.with_name(target.name + ".fetch.json")
        self.confirmations = confirmations
        self.progress = progress
        self._chunk = max(1, min(chunk, LARGEST_CHUNK))
        self._calm = _CALM
        self._requests = 0
        self._rewound = 0

    def run(self, from_block: int, to_block: int | None, *, restart: bool = False) -> Fetched:
        """Fetch the events of both blocks and those between.

        Parameters
        ----------
        to_block
            None for the newest block that is safe from reorganisations.
        restart
            Throw away an unfinished or finished download of the same name.

        Raises
        ------
        ConfigError
            If the pool is no contract, `to_block` is not safe yet, or a file of another download
            is in the way.
        RpcError
            If the node cannot be reached; run again to go on.
        """
        chain_id = int(self._call("eth_chainId"), 16)
        if self._call("eth_getCode", self.pool, "latest") in ("0x", None):
            raise ConfigError(
                f"{self.pool} is no contract on chain {chain_id}",
                hint="check the pool's address and that the endpoint is of the pool's chain",
            )
        safe = self.safe_block()
        to_block = safe if to_block is None else to_block
        if to_block > safe:
            rule = "finalized" if self.confirmations is None else "confirmed often enough"
            raise ConfigError(
                f"block {to_block} is not {rule} yet: the newest such block is {safe}",
                hint="choose an earlier block, wait, or set --confirmations",
            )
        if from_block > to_block:
            raise ConfigError(f"from block {from_block} to block {to_block} there is nothing")
        state = self._begin(FetchState(chain_id, self.pool, from_block, to_block), restart)
        if state.complete:
            return Fetched(from_block, state.to_block, state.last.rows, self._requests, 0)
        with self.part.open("ab") as stream:
            _lock(stream, self.target)
            self._to_common_ancestor(state, stream)
            while state.last.block < to_block:
                self._advance(state, stream)
                self.progress(state.last.block, state.last.rows)
        self.part.replace(self.target)
        state.complete = True
        state.save(self.state_path)
        return Fetched(from_block, to_block, state.last.rows, self._requests, self._rewound)

    def safe_block(self) -> int:
        """Return the newest block that will not be reorganised."""
        if self.confirmations is not None:
            return max(0, int(self._call("eth_blockNumber"), 16) - self.confirmations)
        try:
            header = self._call("eth_getBlockByNumber", "finalized", False)
        except RpcError as error:
            raise RpcError(error.message, hint=_NO_FINALITY) from None
        if header is None:
            raise RpcError(f"{self.rpc.label}: no block is finalized", hint=_NO_FINALITY)
        return int(header["number"], 16)

    def block_at(self, time_ns: int, newest: int) -> int:
        """Return the first block whose time is `time_ns` or later, at most `newest` + 1."""
        low, high = 0, newest + 1
        while low < high:
            middle = (low + high) // 2
            header = self._header(middle)
            if int(header["timestamp"], 16) * 10**9 < time_ns:
                low = middle + 1
            else:
                high = middle
        return low

    def time_ns(self, block: int) -> int:
        """Return the time of a block."""
        return int(self._header(block)["timestamp"], 16) * 10**9

    def _begin(self, fresh: FetchState, restart: bool) -> FetchState:
        """Return the state to go on from, with the files it speaks of in place."""
        if restart:
            for path in (self.part, self.state_path, self.target):
                path.unlink(missing_ok=True)
        state = FetchState.load(self.state_path)
        if state is None:
            if self.target.exists():
                raise ConfigError(
                    f"{self.target} exists and was not downloaded by this command",
                    hint="choose another file name, or --restart to overwrite it",
                )
            self.part.unlink(missing_ok=True)
            fresh.save(self.state_path)
            return fresh
        state.require(fresh.chain_id, fresh.pool, fresh.from_block, self.state_path)
        if state.last.block > fresh.to_block:
            raise ConfigError(
                f"{self.target}: blocks up to {state.last.block} are there, more than asked for",
                hint="choose another file name, or --restart",
            )
        if (
            state.complete
            and state.last.block == fresh.to_block
            and self.target.exists()
            and self._header(state.last.block)["hash"] == state.last.hash
        ):
            return state
        state.complete = False
        state.to_block = fresh.to_block
        state.save(self.state_path)
        if self.target.exists() and not self.part.exists():
            self.target.replace(self.part)  # go on behind the end of a finished download
        size = self.part.stat().st_size if self.part.exists() else 0
        if size < state.last.bytes:
            raise DataError(
                f"{size} bytes, but {state.last.bytes} were written",
                path=self.part,
                hint="the file was changed or removed meanwhile: --restart fetches it again",
            )
        return state

    def _to_common_ancestor(self, state: FetchState, stream: IO[bytes]) -> None:
        """Go back to the newest recorded block that is still on the chain."""
        while state.borders and self._header(state.last.block)["hash"] != state.last.hash:
            state.borders.pop()
            self._rewound += 1
        stream.truncate(state.last.bytes)
        state.save(self.state_path)

    def _advance(self, state: FetchState, stream: IO[bytes]) -> None:
        """Fetch one chunk and record it."""
        changes = 0
        while True:
            first = state.last.block + 1
            last = min(first + self._chunk - 1, state.to_block)
            try:
                text, rows, block_hash = self._read_chunk(first, last, state.last.hash)
                break
            except TooMuch:
                if first == last:
                    raise
                self._chunk = (last - first + 1) // 2
                self._calm = 0
            except _Reorganised:
                changes += 1
                if changes == _MOST_CHANGES:
                    raise RpcError(
                        f"{self.rpc.label}: the blocks from {first} on keep changing",
                        hint="stay further behind the newest block (--confirmations)",
                    ) from None
                self._to_common_ancestor(state, stream)
        self._append(stream, text)
        done = Border(last, block_hash, stream.tell(), state.last.rows + rows)
        state.advance(done)
        state.save(self.state_path)
        self._calm += 1
        if self._calm >= _CALM:
            self._chunk = min(LARGEST_CHUNK, self._chunk + max(1, self._chunk // 4))

    def _append(self, stream: IO[bytes], text: str) -> None:
        stream.seek(0, os.SEEK_END)
        if not stream.tell():
            text = _COLUMNS + text
        data = text.encode()
        if text and self.target.name.endswith(".gz"):
            data = gzip.compress(data, 6, mtime=0)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())

    def _read_chunk(self, first: int, last: int, parent_hash: str) -> tuple[str, int, str]:
        """Return the CSV rows of blocks `first` to `last`, their number, and the last one's hash.

        The hash of the last block is the same before and after, so the logs are of one chain.
        """
        before = self._header(last)["hash"]
        question = {"address": self.pool, "fromBlock": hex(first), "toBlock": hex(last)}
        logs = self._call("eth_getLogs", question)
        numbers = sorted({first, last, *(int(log["blockNumber"], 16) for log in logs)})
        headers = self._headers(numbers)
        if headers[last]["hash"] != before:
            raise _Reorganised
        if parent_hash and headers[first]["parentHash"] != parent_hash:
            raise _Reorganised
        rows = []
        for log in sorted(logs, key=lambda log: (int(log["blockNumber"], 16), _index(log))):
            number = int(log["blockNumber"], 16)
            if not first <= number <= last or log["address"].lower() != self.pool:
                raise RpcError(f"{self.rpc.label}: logs of another block or contract were returned")
            if log.get("removed") or log["blockHash"] != headers[number]["hash"]:
                raise _Reorganised
            rows.append(_row(log, int(headers[number]["timestamp"], 16)))
        return "".join(rows), len(rows), before

    def _headers(self, numbers: list[int]) -> dict[int, dict[str, Any]]:
        headers: dict[int, dict[str, Any]] = {}
        for start in range(0, len(numbers), _HEADERS):
            piece = numbers[start : start + _HEADERS]
            self._requests += 1
            found = self.rpc.batch(
                [("eth_getBlockByNumber", (hex(number), False)) for number in piece]
            )
            for number, header in zip(piece, found, strict=True):
                if header is None:
                    raise _Reorganised
                headers[number] = header
        return headers

    def _header(self, number: int) -> dict[str, Any]:
        header: dict[str, Any] | None = self._call("eth_getBlockByNumber", hex(number), False)
        return header if header is not None else {"hash": "", "parentHash": "", "timestamp": "0x0"}

    def _call(self, method: str, *params: Any) -> Any:
        self._requests += 1
        return self.rpc.call(method, *params)


def _index(log: dict[str, Any]) -> int:
    return int(log["logIndex"], 16)


def _row(log: dict[str, Any], timestamp: int) -> str:
    time = str(np.datetime64(timestamp, "s")).replace("T", " ")
    topics = json.dumps(log["topics"]).replace('"', '""')
    return (
        f"{int(log['blockNumber'], 16)},{time},{log['transactionHash']},"
        f'{int(log["transactionIndex"], 16)},{_index(log)},"{topics}",{log["data"]}\n'
    )


def _lock(stream: IO[bytes], target: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ConfigError(
            f"{target}: another process is downloading it", hint="wait for it, or stop it"
        ) from None
