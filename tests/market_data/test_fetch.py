"""``alp data fetch`` against a made-up chain: what is kept, gone back behind, refused."""

from __future__ import annotations

import fcntl
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_chain import POOL, FakeChain

from alp.chain.rpc import Rpc
from alp.cli.data import data
from alp.data import open_source
from alp.data.fetch import Fetcher
from alp.data.fetch_state import Border, FetchState
from alp.errors import ConfigError, DataError, RpcError

URL = "http://node.example.org/key0123456789"


def fetcher(
    chain: FakeChain,
    target: Path,
    *,
    confirmations: int | None = None,
    chunk: int = 7,
    progress: Callable[[int, int], None] = lambda _block, _rows: None,
) -> Fetcher:
    rpc = Rpc(URL, provider=chain, sleep=lambda _: None)
    return Fetcher(rpc, POOL, target, confirmations=confirmations, chunk=chunk, progress=progress)


def fresh(chain: FakeChain, folder: Path, last: int) -> str:
    """What a download in one go gives."""
    target = folder / "fresh.csv"
    fetcher(chain, target, confirmations=0, chunk=1000).run(0, last, restart=True)
    return target.read_text()


def test_the_file_is_the_raw_form_that_is_read(tmp_path: Path) -> None:
    target = tmp_path / "pool.csv.gz"
    done = fetcher(FakeChain(), target).run(0, None)
    events = open_source(target).read()
    assert events["block"].tolist() == list(range(3, 60, 2))
    assert events["tick"].tolist() == [-number for number in range(3, 60, 2)]
    assert events["ts_ns"][0] == (1_704_412_800 + 36) * 10**9
    assert (done.rows, done.to_block) == (29, 59)
    header = gzip.decompress(target.read_bytes()).decode().splitlines()[0]
    assert header == (
        "block_number,block_timestamp,transaction_hash,transaction_index,log_index,topics,data"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "pool.csv.gz",
        "pool.csv.gz.fetch.json",
    ]


def test_the_state_has_no_endpoint(tmp_path: Path) -> None:
    fetcher(FakeChain(), tmp_path / "pool.csv").run(0, 40)
    text = (tmp_path / "pool.csv.fetch.json").read_text()
    assert "example.org" not in text
    state = json.loads(text)
    assert (state["chain_id"], state["pool"], state["to_block"]) == (1, POOL, 40)
    assert state["complete"] is True
    assert state["borders"][-1][0] == 40


@pytest.mark.parametrize("chunk", [1, 2, 7, 60])
def test_the_size_of_chunks_does_not_show(tmp_path: Path, chunk: int) -> None:
    chain = FakeChain()
    target = tmp_path / "pool.csv"
    fetcher(chain, target, chunk=chunk).run(0, 59)
    assert target.read_text() == fresh(chain, tmp_path, 59)


def test_less_is_asked_for_when_the_node_limits_results(tmp_path: Path) -> None:
    chain = FakeChain(400)
    chain.most_logs = 5
    target = tmp_path / "pool.csv"
    fetcher(chain, target, chunk=400).run(0, 399)
    asked = [
        int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        for method, params in chain.asked
        if method == "eth_getLogs"
    ]
    refused = sum(size > 11 for size in asked)
    assert refused < 14, "the node is not asked for too much again and again"
    assert max(asked[20:]) >= 8, "what it gives is used"
    chain.most_logs = 1000
    assert target.read_text() == fresh(chain, tmp_path, 399)


def test_one_block_with_too_much_is_an_error(tmp_path: Path) -> None:
    chain = FakeChain()
    chain.most_logs = 0
    with pytest.raises(RpcError, match="more than 0 results"):
        fetcher(chain, tmp_path / "pool.csv").run(0, 59)


class StopNow(Exception):
    pass


@pytest.mark.parametrize("after", range(1, 6))
def test_an_interrupted_download_goes_on(tmp_path: Path, after: int) -> None:
    chain = FakeChain()
    target = tmp_path / "pool.csv"
    seen: list[int] = []

    def stop(block: int, rows: int) -> None:
        seen.append(block)
        if len(seen) == after:
            raise StopNow

    with pytest.raises(StopNow):
        fetcher(chain, target, progress=stop).run(0, 59)
    assert not target.exists()
    chain.asked.clear()
    fetcher(chain, target).run(0, 59)
    questions = [params[0] for method, params in chain.asked if method == "eth_getLogs"]
    assert int(questions[0]["fromBlock"], 16) == seen[-1] + 1, "finished chunks are not asked again"
    assert target.read_text() == fresh(chain, tmp_path, 59)


@pytest.mark.parametrize("first", [5, 21, 22, 23, 40, 58])
def test_a_reorganisation_between_two_runs_is_gone_back_behind(tmp_path: Path, first: int) -> None:
    chain = FakeChain()
    target = tmp_path / "pool.csv"
    fetcher(chain, target, confirmations=20).run(0, None)
    chain.reorganise(first)
    done = fetcher(chain, target, confirmations=5).run(0, None)
    assert bool(done.rewound) == (first <= 39)
    assert target.read_text() == fresh(chain, tmp_path, 54)


@pytest.mark.parametrize("chunks", range(1, 6))
def test_a_reorganisation_during_a_run_is_gone_back_behind(tmp_path: Path, chunks: int) -> None:
    chain = FakeChain()
    target = tmp_path / "pool.csv"
    seen: list[int] = []

    def reorganise(block: int, rows: int) -> None:
        seen.append(block)
        if len(seen) == chunks:
            chain.reorganise(block - 3)

    done = fetcher(chain, target, confirmations=0, progress=reorganise).run(0, 59)
    assert done.rewound == 1
    assert target.read_text() == fresh(chain, tmp_path, 59)


def test_a_reorganisation_behind_everything_kept_starts_again(tmp_path: Path) -> None:
    chain = FakeChain()
    target = tmp_path / "pool.csv"
    fetcher(chain, target, confirmations=20).run(0, None)
    chain.reorganise(0)
    fetcher(chain, target, confirmations=20).run(0, 45 - 6)
    assert target.read_text() == fresh(chain, tmp_path, 39)


def test_only_finalized_blocks_are_fetched_by_default(tmp_path: Path) -> None:
    chain = FakeChain(finalized=30)
    assert fetcher(chain, tmp_path / "a.csv").run(0, None).to_block == 30
    with pytest.raises(ConfigError, match=r"block 31 is not finalized yet: .* 30") as caught:
        fetcher(chain, tmp_path / "b.csv").run(0, 31)
    assert "--confirmations" in caught.value.hint


def test_a_download_of_something_else_is_not_mixed_in(tmp_path: Path) -> None:
    target = tmp_path / "pool.csv"
    fetcher(FakeChain(), target).run(5, 40)
    with pytest.raises(ConfigError, match="was begun here, not of") as caught:
        fetcher(FakeChain(), target).run(0, 40)
    assert "--restart" in caught.value.hint
    assert fetcher(FakeChain(), target).run(0, 40, restart=True).rows == 19


def test_less_than_is_there_is_refused(tmp_path: Path) -> None:
    fetcher(FakeChain(), tmp_path / "pool.csv").run(0, 40)
    with pytest.raises(ConfigError, match="more than asked for"):
        fetcher(FakeChain(), tmp_path / "pool.csv").run(0, 30)


def test_somebody_elses_file_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "pool.csv"
    target.write_text("precious")
    with pytest.raises(ConfigError, match="was not downloaded by this command"):
        fetcher(FakeChain(), target).run(0, 40)
    assert target.read_text() == "precious"


def test_a_file_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "pool.csv"
    fetcher(FakeChain(), target).run(0, 40)
    target.write_text("shorter")
    with pytest.raises(DataError, match="7 bytes, but 12166 were written") as caught:
        fetcher(FakeChain(), target).run(0, 50)
    assert "--restart" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 2}', '{"version": 1, "x": 1}'])
def test_a_damaged_state_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pool.csv.fetch.json").write_text(text)
    with pytest.raises(DataError, match="not the state of a download"):
        fetcher(FakeChain(), tmp_path / "pool.csv").run(0, 40)


def test_a_stop_between_naming_and_recording_loses_nothing(tmp_path: Path) -> None:
    chain = FakeChain()
    target = tmp_path / "pool.csv"
    fetcher(chain, target).run(0, 40)
    state_path = tmp_path / "pool.csv.fetch.json"
    state = FetchState.load(state_path)
    assert state is not None
    state.complete = False
    state.save(state_path)
    assert fetcher(chain, target).run(0, 40).rows == 19
    assert target.read_text() == fresh(chain, tmp_path, 40)


def test_two_downloads_of_one_file_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "pool.csv"
    with (tmp_path / "pool.csv.part").open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        FetchState(1, POOL, 0, 40).save(tmp_path / "pool.csv.fetch.json")
        with pytest.raises(ConfigError, match="another process is downloading it"):
            fetcher(FakeChain(), target).run(0, 40)


def test_old_borders_are_forgotten(tmp_path: Path) -> None:
    state = FetchState(1, POOL, 0, 1000)
    for block in range(500):
        state.advance(Border(block, "0x", block, block))
    assert len(state.borders) == 128
    assert state.last.block == 499


def test_logs_of_another_contract_are_refused(tmp_path: Path) -> None:
    chain = FakeChain()
    rpc = Rpc(URL, provider=chain)
    with pytest.raises(RpcError, match="another block or contract"):
        Fetcher(rpc, "0x" + "22" * 20, tmp_path / "pool.csv").run(0, 59)


@pytest.mark.parametrize("name", ["pool.parquet", "pool", "pool.csv.zst"])
def test_other_kinds_of_file_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"must end in .csv or .csv.gz"):
        fetcher(FakeChain(), tmp_path / name)


def test_blocks_are_found_by_time(tmp_path: Path) -> None:
    asked = fetcher(FakeChain(), tmp_path / "pool.csv")
    start = 1_704_412_800
    assert asked.block_at(0, 59) == 0
    assert asked.block_at((start + 12) * 10**9, 59) == 1
    assert asked.block_at((start + 13) * 10**9, 59) == 2
    assert asked.block_at((start + 10_000) * 10**9, 59) == 60


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, Exception | None]:
    monkeypatch.setattr("alp.chain.rpc._http_provider", lambda _url, _timeout: FakeChain())
    result = CliRunner().invoke(data, ["fetch", *arguments], env={"ALP_RPC_URL": URL})
    return result.exit_code, result.output, result.exception


def test_a_day_is_fetched_by_its_times(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "pool.csv"
    code, output, _ = run(
        monkeypatch, "--pool", POOL, "--from", "2024-01-05T00:01:00", "--to",
        "2024-01-05T00:02:00", str(target),
    )  # fmt: skip
    assert code == 0, output
    assert output == f"{target}: 3 events of blocks 5 to 9\n"
    assert open_source(target).read()["block"].tolist() == [5, 7, 9]


def test_a_time_the_chain_has_not_reached_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, _, error = run(
        monkeypatch,
        "--pool",
        POOL,
        "--from-block",
        "0",
        "--to",
        "2024-01-06",
        str(tmp_path / "x.csv"),
    )
    assert isinstance(error, ConfigError)
    assert "has not safely reached" in str(error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pool", "0x12", "--from-block", "1", "x.csv"), "is not an address"),
        (("--pool", POOL, "x.csv"), "give --from-block or --from"),
        (
            ("--pool", POOL, "--from-block", "1", "--from", "2024-01-05", "x.csv"),
            "give --from-block",
        ),
        (("--pool", POOL, "--from", "soon", "x.csv"), "is not a time"),
        (
            ("--pool", POOL, "--from-block", "1", "--to-block", "2", "--to", "2024-01-06", "x.csv"),
            "not both",
        ),
    ],
)
def test_a_wrong_command_line_is_told(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    code, output, _ = run(monkeypatch, *arguments)
    assert code == 2
    assert message in output
    assert URL not in output


def test_help_does_not_show_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output, _ = run(monkeypatch, "--help")
    assert code == 0
    assert "key0123456789" not in output
    assert "ALP_RPC_URL" in output
