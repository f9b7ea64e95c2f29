"""`alp verify pool`: equal records pass, and every kind of fault is named where it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from alp.chain.verify_pool import Report, verify_file
from alp.cli.verify import verify
from alp.errors import DataError

Records = list[dict[str, Any]]


@pytest.fixture(scope="session")
def trace(root: Path) -> Path:
    return root / "tests" / "data" / "pool-trace.jsonl.gz"


@pytest.fixture(scope="session")
def vectors(root: Path) -> Path:
    return root / "tests" / "data" / "pool-vectors.jsonl.gz"


@pytest.fixture
def records(trace: Path) -> Records:
    with gzip.open(trace, "rt") as lines:
        return [json.loads(line) for line in lines]


def written(folder: Path, records: Records) -> Path:
    path = folder / "changed.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_recorded_trace_is_equal_in_every_operation(trace: Path) -> None:
    report = verify_file(trace)
    assert report.ok, report.first_difference
    assert report.tried["swap"] > 100
    assert report.tried["npm_exit"] > 1


def test_the_recorded_vectors_are_equal(vectors: Path) -> None:
    report = verify_file(vectors)
    assert report.ok, report.first_difference
    assert len(report.tried) == 20


@pytest.mark.parametrize("name", ["trace_public", "vectors_public"])
def test_the_whole_public_recordings_are_equal(shared: Path, name: str) -> None:
    report = verify_file(shared / "univ3" / f"{name}.jsonl.gz")
    assert report.ok, report.first_difference
    assert sum(report.tried.values()) > 3000


@pytest.mark.parametrize("kind", ["plain", "gzip", "zstd"])
def test_a_file_is_read_however_it_is_compressed(tmp_path: Path, vectors: Path, kind: str) -> None:
    text = gzip.decompress(vectors.read_bytes())
    path = tmp_path / "anything"
    if kind == "gzip":
        path.write_bytes(gzip.compress(text))
    elif kind == "zstd":
        path.write_bytes(pa.Codec("zstd").compress(text, asbytes=True))
    else:
        path.write_bytes(text)
    assert verify_file(path).ok


def test_progress_tells_bytes_of_the_file(trace: Path) -> None:
    seen: list[int] = []
    verify_file(trace, seen.append)
    assert seen
    assert 0 < max(seen) <= trace.stat().st_size


def find(records: Records, op: str, **wanted: Any) -> dict[str, Any]:
    return next(
        record
        for record in records
        if record["op"] == op and all(record.get(key) == value for key, value in wanted.items())
    )


def change_last_digit(text: str) -> str:
    return text[:-1] + str((int(text[-1]) + 1) % 10)


def spoil_state(records: Records) -> None:
    state = find(records, "swap", ok=True)["state"]
    state["feeGrowthGlobal0X128"] = change_last_digit(state["feeGrowthGlobal0X128"])


def spoil_out(records: Records) -> None:
    out = find(records, "mint", ok=True)["out"]
    out["amount0"] = change_last_digit(out["amount0"])


def spoil_tick(records: Records) -> None:
    row = find(records, "mint", ok=True)["ticks"][0]
    row[2] = change_last_digit(row[2])


def spoil_position(records: Records) -> None:
    row = find(records, "mint", ok=True)["pos"][0]
    row[3] = change_last_digit(row[3])


def spoil_event(records: Records) -> None:
    find(records, "swap", ok=True)["ev"][0][1]["sender"] = "d1"


def spoil_reason(records: Records) -> None:
    find(records, "swap", ok=False)["error"] = "AS"


def spoil_success(records: Records) -> None:
    record = find(records, "collect", ok=True)
    record["ok"] = False
    record["error"] = ""


def spoil_failure(records: Records) -> None:
    record = find(records, "mint", ok=False)
    record["ok"] = True


def spoil_crossed(records: Records) -> None:
    find(records, "swap", ok=True)["crossed"].append(887270)


def spoil_token(records: Records) -> None:
    token = find(records, "npm_mint", ok=True)["npmPos"]
    token["liquidity"] = change_last_digit(token["liquidity"])


def spoil_bitmap(records: Records) -> None:
    find(records, "dump")["bitmap"][0][0] += 1


def spoil_dump(records: Records) -> None:
    find(records, "dump")["ticks"].pop()


def spoil_observation(records: Records) -> None:
    state = find(records, "swap", ok=True)["state"]
    state["observation"][1] = change_last_digit(state["observation"][1])


SPOILERS: dict[str, Callable[[Records], None]] = {
    "state.feeGrowthGlobal0X128": spoil_state,
    "out.amount0": spoil_out,
    "ticks[": spoil_tick,
    "pos[": spoil_position,
    "ev[0][1].sender": spoil_event,
    "error": spoil_reason,
    "error ": spoil_success,
    "ok": spoil_failure,
    "crossed": spoil_crossed,
    "npmPos.liquidity": spoil_token,
    "bitmap[0][0]": spoil_bitmap,
    "ticks": spoil_dump,
    "state.observation[1]": spoil_observation,
}


@pytest.mark.parametrize("field", SPOILERS)
def test_one_changed_value_is_found_and_named(tmp_path: Path, records: Records, field: str) -> None:
    SPOILERS[field](records)
    report = verify_file(written(tmp_path, records))
    assert not report.ok
    assert report.first_difference is not None
    assert report.first_difference.field.startswith(field.strip())


def test_a_changed_vector_is_found(tmp_path: Path, vectors: Path) -> None:
    with gzip.open(vectors, "rt") as lines:
        records = [json.loads(line) for line in lines]
    changed = next(record for record in records if record["fn"] == "mulDiv" and "out" in record)
    changed["out"] = [change_last_digit(changed["out"][0])]
    report = verify_file(written(tmp_path, records))
    assert (report.tried["mulDiv"] - report.equal["mulDiv"], report.ok) == (1, False)
    first = report.first_difference
    assert first is not None
    assert (first.kind, first.line) == ("mulDiv", records.index(changed) + 1)


def test_a_kind_alp_does_not_know_is_a_fault(tmp_path: Path, records: Records) -> None:
    find(records, "grow")["op"] = "shrink"
    report = verify_file(written(tmp_path, records))
    assert not report.ok
    assert report.unknown == {"shrink": 1}
    unknown_function = written(tmp_path, [{"fn": "getSqrtRatio", "in": ["1"], "out": ["1"]}])
    assert verify_file(unknown_function).unknown == {"getSqrtRatio": 1}


def test_a_file_with_nothing_to_try_is_not_ok(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert not verify_file(tmp_path / "empty").ok


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("5", "not a record"),
        ('"text"', "not a record"),
        ("[]", "not a record"),
        ("{}", "no 'op'"),
        ('{"fn": "mulDiv"}', "no 'in'"),
        ('{"fn": "mulDiv", "in": ["1", "2", "3"]}', "no 'out'"),
        ('{"fn": "mulDiv", "in": ["x", "2", "3"], "out": ["1"]}', "invalid literal"),
        ('{"fn": "mulDiv", "in": ["1"], "out": ["1"]}', "not a record"),
        ('{"fn": "mulDiv", "in": ["-1", "2", "3"], "out": ["1"]}', "not a record"),
        ('{"op": "swap", "ok": true}', "no 'args'"),
        ('{"op": "swap", "args": {}, "actor": "d0", "ok": true}', "no 'zeroForOne'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, vectors: Path, line: str, said: str) -> None:
    good = gzip.decompress(vectors.read_bytes()).decode().splitlines()[:2]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([*good, line]))
    with pytest.raises(DataError, match=said) as caught:
        verify_file(path)
    assert caught.value.row == 3


@pytest.mark.parametrize("keep", [200, 20_000])
def test_a_truncated_file_is_said_to_be_so(tmp_path: Path, trace: Path, keep: int) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(trace.read_bytes()[:keep])
    with pytest.raises(DataError, match="cannot be read past here"):
        verify_file(path)


def test_a_file_that_is_not_text_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(DataError, match="cannot be read past here"):
        verify_file(path)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(verify, ["pool", *map(str, arguments)])
    code = getattr(result.exception, "exit_code", result.exit_code)
    return int(code), result.output


def test_the_command_prints_each_kind_and_ends_with_0(trace: Path) -> None:
    code, output = run(trace)
    assert code == 0
    assert "swap" in output
    assert "329 tried, 329 equal: all" in output


def test_the_command_ends_with_1_where_anything_differs(
    tmp_path: Path, trace: Path, records: Records
) -> None:
    spoil_state(records)
    code, output = run(trace, written(tmp_path, records))
    assert code == 1
    assert "first difference: record" in output
    assert "differ" in output


def test_the_command_ends_with_4_where_a_file_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_text("{")
    code, _ = run(path)
    assert code == 4


def test_json_says_the_same(tmp_path: Path, records: Records) -> None:
    spoil_out(records)
    code, output = run("--json", written(tmp_path, records))
    assert code == 1
    report = json.loads(output)[0]
    assert report["kinds"]["mint"]["tried"] == report["kinds"]["mint"]["equal"] + 1
    assert report["first_difference"]["field"] == "out.amount0"
    assert report["tried"] == report["equal"] + 1


def test_a_report_of_nothing_says_so(tmp_path: Path) -> None:
    assert not Report(tmp_path).ok
    (tmp_path / "empty").write_text("")
    code, output = run(tmp_path / "empty")
    assert code == 1
    assert "nothing to verify" in output
