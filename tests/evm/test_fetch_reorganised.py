"""``alp data fetch`` when the chain changes behind it; on a chain of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from evm_world import LocalUniswap

from alp.chain.rpc import Rpc
from alp.data import open_source
from alp.data.fetch import Fetcher
from alp.errors import RpcError

pytestmark = pytest.mark.evm


def fetcher(url: str, pool: Any, target: Path, **options: Any) -> Fetcher:
    rpc = Rpc(url, sleep=lambda _seconds: None, attempts=3)
    return Fetcher(rpc, pool.address, target, confirmations=0, **options)


def test_what_a_reorganisation_undid_is_fetched_again(
    uniswap: LocalUniswap, tmp_path: Path
) -> None:
    anvil = uniswap.anvil
    pool = uniswap.create_pool()
    pool.mint(198_000, 200_000, 10**18)
    for _ in range(6):
        pool.swap(True, 10**9)
    target = tmp_path / "pool.csv"
    first = fetcher(anvil.url, pool, target, chunk=2).run(0, None)
    before = open_source(target).read()

    anvil.request("anvil_reorg", 4, [])
    pool.swap(False, 10**15)
    anvil.mine(5)
    newest = anvil.web3.eth.block_number
    again = fetcher(anvil.url, pool, target, chunk=2).run(0, newest)
    assert again.rewound > 0

    fresh = tmp_path / "fresh.csv"
    fetcher(anvil.url, pool, fresh).run(0, newest)
    assert target.read_text() == fresh.read_text()
    after = open_source(target, strict=False).read()
    assert len(before) == first.rows
    assert len(after) < len(before)
    assert after["tick"][-1] == pool.slot0()[1]


def test_a_reorganisation_between_two_chunks_is_noticed(
    uniswap: LocalUniswap, tmp_path: Path
) -> None:
    anvil = uniswap.anvil
    pool = uniswap.create_pool(3000)
    pool.mint(-887_220, 887_220, 10**18)
    for _ in range(8):
        pool.swap(False, 10**15)
    newest = anvil.web3.eth.block_number
    done = []

    def reorganise(block: int, rows: int) -> None:
        if not done and block > newest - 4:
            done.append(block)
            anvil.request("anvil_reorg", 6, [])

    target = tmp_path / "pool.csv"
    fetcher(anvil.url, pool, target, chunk=3, progress=reorganise).run(newest - 20, newest)
    assert done
    fresh = tmp_path / "fresh.csv"
    fetcher(anvil.url, pool, fresh).run(newest - 20, newest)
    assert target.read_text() == fresh.read_text()


class Restless:
    """A provider whose newest block has another hash each time it is asked."""

    def __init__(self, provider: Any) -> None:
        self.provider, self.count = provider, 0

    def make_request(self, method: str, params: Any) -> Any:
        answer = self.provider.make_request(method, params)
        if method == "eth_getBlockByNumber" and answer["result"]:
            self.count += 1
            answer["result"] = {**answer["result"], "hash": f"0x{self.count:064x}"}
        return answer

    def make_batch_request(self, requests: Any) -> Any:
        return [self.make_request(method, params) for method, params in requests]


def test_a_chain_that_never_settles_is_given_up(uniswap: LocalUniswap, tmp_path: Path) -> None:
    pool = uniswap.create_pool(10_000)
    rpc = Rpc("http://node.example.org/key", provider=Restless(uniswap.anvil.web3.provider))
    with pytest.raises(RpcError, match="keep changing"):
        Fetcher(rpc, pool.address, tmp_path / "pool.csv", confirmations=0).run(0, 10)
