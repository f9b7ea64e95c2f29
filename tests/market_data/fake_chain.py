"""A chain of made-up blocks that answers as a node does, without any process."""

from __future__ import annotations

import hashlib
from typing import Any

from logs import Log, down

POOL = "0x" + "11" * 20


class FakeChain:
    """A provider: block numbers from 0, 12 s each, logs where they were put."""

    def __init__(self, blocks: int = 60, *, finalized: int | None = None) -> None:
        self.head = blocks - 1
        self.finalized = self.head if finalized is None else finalized
        self.logs: dict[int, list[Log]] = {}
        self.fork = 0
        self.fork_from = blocks
        self.most_logs = 1000
        self.asked: list[tuple[str, Any]] = []
        for number in range(3, blocks, 2):
            self.logs[number] = [down(-number)]

    def hash_of(self, number: int) -> str:
        branch = self.fork if number >= self.fork_from else 0
        return "0x" + hashlib.sha256(f"{branch}/{number}".encode()).hexdigest()

    def reorganise(self, first: int) -> None:
        """Replace all blocks from `first` on; their logs move one block up."""
        self.fork, self.fork_from = self.fork + 1, first
        moved = {number: logs for number, logs in self.logs.items() if number >= first}
        for number in moved:
            del self.logs[number]
        self.logs |= {number + 1: logs for number, logs in moved.items() if number < self.head}

    def make_request(self, method: str, params: Any) -> dict[str, Any]:
        self.asked.append((method, params))
        answer = {
            "eth_chainId": lambda: "0x1",
            "eth_getCode": lambda _address, _tag: "0x60",
            "eth_blockNumber": lambda: hex(self.head),
            "eth_getBlockByNumber": self._block,
            "eth_getLogs": self._logs,
        }[method](*params)
        return answer if isinstance(answer, dict) and "error" in answer else {"result": answer}

    def make_batch_request(self, requests: Any) -> list[dict[str, Any]]:
        return [self.make_request(method, params) for method, params in requests]

    def _block(self, tag: str, _full: bool) -> dict[str, Any] | None:
        number = self.finalized if tag == "finalized" else int(tag, 16)
        if not 0 <= number <= self.head:
            return None
        return {
            "number": hex(number),
            "hash": self.hash_of(number),
            "parentHash": self.hash_of(number - 1),
            "timestamp": hex(1_704_412_800 + 12 * number),
        }

    def _logs(self, question: dict[str, Any]) -> Any:
        first, last = int(question["fromBlock"], 16), int(question["toBlock"], 16)
        found = [
            {
                "address": POOL,
                "topics": list(log.topics),
                "data": log.data,
                "blockNumber": hex(number),
                "blockHash": self.hash_of(number),
                "transactionHash": "0x" + "cd" * 32,
                "transactionIndex": "0x1",
                "logIndex": hex(at),
                "removed": False,
            }
            for number in range(first, min(last, self.head) + 1)
            for at, log in enumerate(self.logs.get(number, []))
        ]
        if len(found) > self.most_logs:
            message = f"query returned more than {self.most_logs} results"
            return {"error": {"code": -32005, "message": message}}
        return found
