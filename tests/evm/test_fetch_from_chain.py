"""``alp data fetch`` against a real EVM with the real pool contract."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evm_world import Anvil, LocalPool, LocalUniswap
from flaky_node import FlakyNode

from alp.chain.rpc import Rpc
from alp.data import open_source
from alp.data.fetch import Fetcher
from alp.data.fetch_state import FetchState
from alp.data.schema import EventKind, OtherEvent, signed, unsigned
from alp.errors import ConfigError, RpcError

pytestmark = pytest.mark.evm

SECRET = "k3y0123456789abcdef"


@pytest.fixture(scope="module")
def pool(uniswap: LocalUniswap) -> LocalPool:
    """A pool with a history of every kind of event."""
    pool = uniswap.create_pool()
    factory_owner = uniswap.anvil
    pool.mint(-887_270, 887_270, 10**15)
    pool.mint(198_000, 200_000, 10**18)
    for round_ in range(12):
        pool.swap(round_ % 3 == 0, 10**9 if round_ % 3 == 0 else 10**17 * (round_ + 1))
        uniswap.anvil.mine(3)
    pool.mint(199_000, 199_200, 5 * 10**18)
    pool.swap(True, -(10**17))
    pool.flash(10**6, 10**15, 10**5, 10**14)
    pool.burn(198_000, 200_000, 4 * 10**17)
    pool.burn(199_000, 199_200, 0)
    pool.collect(198_000, 200_000)
    pool.swap(False, 10**18)
    factory_owner.send(pool.contract.functions.setFeeProtocol(4, 6))
    factory_owner.send(pool.contract.functions.increaseObservationCardinalityNext(8))
    pool.swap(True, 10**10)
    uniswap.anvil.mine(4)
    return pool


@pytest.fixture
def nodes(anvil: Anvil) -> Iterator[Any]:
    """Start flaky nodes in front of the chain; they are closed afterwards."""
    started: list[FlakyNode] = []

    def start(**behaviour: Any) -> FlakyNode:
        started.append(FlakyNode(anvil.url, **behaviour))
        return started[-1]

    yield start
    for each in started:
        each.close()


def fetcher(url: str, pool: LocalPool, target: Path, **options: Any) -> Fetcher:
    rpc = Rpc(url, sleep=lambda _seconds: None, attempts=3, timeout_s=10)
    return Fetcher(rpc, pool.address, target, **options)


def text_of(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def whole(pool: LocalPool, anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pool's history, fetched in one go."""
    target = tmp_path_factory.mktemp("whole") / "pool.csv.gz"
    fetcher(anvil.url, pool, target).run(0, None)
    return target


def test_the_decoded_events_end_where_the_pool_is(whole: Path, pool: LocalPool) -> None:
    events = open_source(whole).read()
    swaps = events[events["kind"] == EventKind.SWAP]
    price, tick, *_ = pool.slot0()
    assert unsigned(swaps[-1]["sqrt_price_x96"]) == price
    assert swaps[-1]["tick"] == tick
    assert unsigned(swaps[-1]["liquidity"]) == pool.liquidity()


def test_every_kind_of_event_is_there(whole: Path) -> None:
    events = open_source(whole).read()
    assert Counter(events["kind"].tolist()) == {
        EventKind.SWAP: 15,
        EventKind.MINT: 3,
        EventKind.BURN: 2,
        EventKind.COLLECT: 1,
        EventKind.FLASH: 1,
        EventKind.OTHER: 3,
    }
    other = events[events["kind"] == EventKind.OTHER]
    assert other["tick_lower"].tolist() == [
        OtherEvent.INITIALIZE,
        OtherEvent.SET_FEE_PROTOCOL,
        OtherEvent.INCREASE_CARDINALITY,
    ]
    fees = other[1]
    assert (signed(fees["amount0"]), signed(fees["amount1"])) == (4, 6)


def test_amounts_and_places_are_those_web3_decodes(
    whole: Path, pool: LocalPool, anvil: Anvil
) -> None:
    expected = []
    for log in pool.contract.events.Swap().get_logs(from_block=0):
        arguments = log["args"]
        time_s = anvil.web3.eth.get_block(log["blockNumber"])["timestamp"]
        expected.append(
            (log["blockNumber"], log["logIndex"], time_s, arguments["amount0"],
             arguments["amount1"], arguments["liquidity"], int(arguments["sender"][-16:], 16))
        )  # fmt: skip
    events = open_source(whole).read()
    found = [
        (
            int(swap["block"]),
            int(swap["log_index"]),
            int(swap["ts_ns"]) // 10**9,
            signed(swap["amount0"]),
            signed(swap["amount1"]),
            unsigned(swap["liquidity"]),
            int(swap["owner"]),
        )
        for swap in events[events["kind"] == EventKind.SWAP]
    ]
    assert found == expected


def test_a_mint_and_a_flash_keep_their_own_fields(whole: Path, pool: LocalPool) -> None:
    events = open_source(whole).read()
    mint = events[events["kind"] == EventKind.MINT][1]
    assert (mint["tick_lower"], mint["tick_upper"]) == (198_000, 200_000)
    assert unsigned(mint["liquidity"]) == 10**18
    assert int(mint["owner"]) == int(pool.world.driver.address[-16:], 16)
    flash = events[events["kind"] == EventKind.FLASH][0]
    assert unsigned(flash["sqrt_price_x96"]) == 10**6
    assert unsigned(flash["liquidity"]) == 10**15
    assert (signed(flash["amount0"]), signed(flash["amount1"])) == (10**5, 10**14)


def test_small_chunks_give_the_same_rows(
    whole: Path, pool: LocalPool, anvil: Anvil, tmp_path: Path
) -> None:
    target = tmp_path / "pool.csv.gz"
    last = FetchState.load(whole.with_name("pool.csv.gz.fetch.json")).last.block
    fetcher(anvil.url, pool, target, chunk=1).run(0, last)
    assert text_of(target) == text_of(whole)


def test_a_node_that_limits_results_and_takes_no_batches_is_asked_for_less(
    whole: Path, pool: LocalPool, nodes: Any, tmp_path: Path
) -> None:
    def limited(request: dict[str, Any]) -> dict[str, Any] | None:
        if request["method"] != "eth_getLogs":
            return None
        question = request["params"][0]
        if int(question["toBlock"], 16) - int(question["fromBlock"], 16) < 5:
            return None
        return {"error": {"code": -32005, "message": "query returned more than 5 results"}}

    node = nodes(answer=limited, batches=False)
    target = tmp_path / "pool.csv.gz"
    last = FetchState.load(whole.with_name("pool.csv.gz.fetch.json")).last.block
    done = fetcher(node.url, pool, target).run(0, last)
    assert done.rows == len(text_of(whole).splitlines()) - 1
    assert text_of(target) == text_of(whole)


def test_a_node_that_is_too_busy_is_asked_again(
    whole: Path, pool: LocalPool, nodes: Any, tmp_path: Path
) -> None:
    refused = Counter[str]()

    def busy(request: dict[str, Any]) -> int | None:
        refused[request["method"]] += 1
        return 429 if refused[request["method"]] % 2 else None

    target = tmp_path / "pool.csv.gz"
    last = FetchState.load(whole.with_name("pool.csv.gz.fetch.json")).last.block
    fetcher(nodes(answer=busy).url, pool, target).run(0, last)
    assert text_of(target) == text_of(whole)


def run_cli(pool: LocalPool, url: str, target: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "alp", "data", "fetch", "--pool", pool.address]
    environment = {**os.environ, "ALP_RPC_URL": url}
    return subprocess.Popen(
        [*command, *arguments, str(target)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_download_goes_on_where_it_was(
    how: signal.Signals, whole: Path, pool: LocalPool, nodes: Any, anvil: Anvil, tmp_path: Path
) -> None:
    last = FetchState.load(whole.with_name("pool.csv.gz.fetch.json")).last.block
    target = tmp_path / "pool.csv.gz"
    state_path = tmp_path / "pool.csv.gz.fetch.json"

    def small(request: dict[str, Any]) -> dict[str, Any] | None:
        if request["method"] != "eth_getLogs":
            return None
        question = request["params"][0]
        if int(question["toBlock"], 16) - int(question["fromBlock"], 16) < 3:
            return None
        return {"error": {"code": -32005, "message": "block range too large"}}

    slow = nodes(answer=small, delay_s=0.02)
    process = run_cli(pool, slow.url, target, "--from-block", "0", "--to-block", str(last))
    for _ in range(600):
        state = FetchState.load(state_path)
        if state is not None and state.last.rows > 3:
            break
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate()
    assert process.returncode == (130 if how is not signal.SIGKILL else -9)
    assert not target.exists()
    kept = FetchState.load(state_path)
    assert kept is not None
    assert 0 < kept.last.rows < 20

    with (tmp_path / "pool.csv.gz.part").open("ab") as part:
        part.write(b"half a chunk")
    done = fetcher(anvil.url, pool, target).run(0, last)
    assert done.rows == len(text_of(whole).splitlines()) - 1
    assert text_of(target) == text_of(whole)
    assert not (tmp_path / "pool.csv.gz.part").exists()


def test_a_finished_download_is_extended(pool: LocalPool, anvil: Anvil, tmp_path: Path) -> None:
    target = tmp_path / "pool.csv"
    first = fetcher(anvil.url, pool, target).run(0, 40)
    again = fetcher(anvil.url, pool, target).run(0, 40)
    assert (again.rows, again.to_block) == (first.rows, 40)
    longer = fetcher(anvil.url, pool, target).run(0, 60)
    assert longer.rows > first.rows
    fresh = tmp_path / "fresh.csv"
    fetcher(anvil.url, pool, fresh).run(0, 60)
    assert target.read_text() == fresh.read_text()


def test_blocks_that_are_not_final_are_refused(
    pool: LocalPool, anvil: Anvil, tmp_path: Path
) -> None:
    newest = anvil.web3.eth.block_number
    with pytest.raises(ConfigError, match="not finalized yet"):
        fetcher(anvil.url, pool, tmp_path / "pool.csv").run(0, newest)
    with pytest.raises(ConfigError, match="not confirmed often enough"):
        fetcher(anvil.url, pool, tmp_path / "pool.csv", confirmations=1).run(0, newest)


def test_a_block_is_found_by_its_time(pool: LocalPool, anvil: Anvil, tmp_path: Path) -> None:
    newest = anvil.web3.eth.block_number
    asked = fetcher(anvil.url, pool, tmp_path / "pool.csv")
    for number in (1, newest // 2, newest):
        time_ns = anvil.web3.eth.get_block(number)["timestamp"] * 10**9
        assert asked.block_at(time_ns, newest) == number
        assert asked.block_at(time_ns - 1, newest) == number
        assert asked.block_at(time_ns + 1, newest) == number + 1


def test_something_else_is_no_pool(anvil: Anvil, tmp_path: Path) -> None:
    rpc = Rpc(anvil.url)
    with pytest.raises(ConfigError, match="is no contract on chain"):
        Fetcher(rpc, "0x" + "12" * 20, tmp_path / "pool.csv").run(0, None)


def test_the_endpoints_key_is_nowhere(
    pool: LocalPool, nodes: Any, anvil: Anvil, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    node = nodes()
    url = f"{node.url}/v3/{SECRET}?token={SECRET}"
    target = tmp_path / "pool.csv"
    process = run_cli(pool, url, target, "--from-block", "0", "--progress", "--json")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(output)["rows"] == 25
    node.close()
    environment = {**os.environ, "ALP_DEBUG": "1", "ALP_LOG_LEVEL": "debug", "ALP_RPC_URL": url}
    command = [sys.executable, "-c", _IMPATIENT, "data", "fetch", "--pool", pool.address]
    failed = subprocess.run(
        [*command, "--from-block", "0", "--restart", str(target)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 5
    assert "127.0.0.1" in failed.stderr
    with pytest.raises(RpcError) as caught:
        Rpc(url, attempts=1).call("eth_chainId")
    shown = [output, errors, failed.stdout, failed.stderr, str(caught.value), caplog.text]
    shown += [path.read_text() for path in tmp_path.iterdir()]
    assert [text for text in shown if SECRET in text] == []


_IMPATIENT = "import alp.chain.rpc as r; r._FIRST_PAUSE_S = 0; from alp.cli import main; main()"
