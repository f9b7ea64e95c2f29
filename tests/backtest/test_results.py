"""results.json: exact, canonical, versioned, and balanced."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from backtest.builders import realistic_results, smallest_results
from hypothesis import given
from hypothesis import strategies as st

from alp.backtest import codec
from alp.backtest.results import PARTS, Results, Series
from alp.errors import Corrupt, DataError

WHOLE = realistic_results()
DUST = Decimal("1e-30")


def test_reading_gives_back_what_was_written() -> None:
    written = WHOLE.to_json_bytes()
    read = Results.from_json(written)
    assert read == WHOLE
    assert read.to_json_bytes() == written


def test_equal_runs_give_equal_bytes() -> None:
    assert realistic_results(seed=3).to_json_bytes() == realistic_results(seed=3).to_json_bytes()
    assert realistic_results(seed=3).to_json_bytes() != realistic_results(seed=4).to_json_bytes()


def test_the_order_in_which_parameters_were_given_does_not_show() -> None:
    facts = smallest_results().strategy
    one = smallest_results(strategy=replace(facts, parameters={"a": 1, "b": {"x": 1, "y": 2}}))
    other = smallest_results(strategy=replace(facts, parameters={"b": {"y": 2, "x": 1}, "a": 1}))
    assert one.to_json_bytes() == other.to_json_bytes()


def test_exact_amounts_are_text_in_the_file() -> None:
    found = json.loads(WHOLE.to_json_bytes())
    amounts = [*found["nav"].values(), *found["attribution"].values(), found["il"]]
    assert all(isinstance(amount, str) for amount in amounts)
    assert Decimal(found["attribution"]["fees"]) == WHOLE.attribution.fees


def test_the_file_ends_with_a_newline_and_its_keys_are_sorted() -> None:
    written = WHOLE.to_json_bytes()
    assert written.endswith(b"}\n")
    for _, pairs in _objects(written):
        assert pairs == sorted(pairs)


def _objects(data: bytes) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found.append((len(found), [key for key, _ in pairs]))
        return dict(pairs)

    json.loads(data, object_pairs_hook=note)
    return found


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.50", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("1E-30", "0.000000000000000000000000000001"),
        ("-12.340", "-12.34"),
    ],
)
def test_an_amount_has_one_notation(amount: str, text: str) -> None:
    assert codec.decimal_text(Decimal(amount)) == text


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_an_amount_that_is_no_number_is_refused(amount: str) -> None:
    with pytest.raises(Corrupt, match="exact amount"):
        smallest_results(il=Decimal(amount)).to_json_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_statistic_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(Corrupt, match="unknown values are None"):
        smallest_results(series=Series(ts_ns=(1,), price=(value,))).to_json_bytes()


def test_an_integer_wider_than_64_bits_is_refused() -> None:
    with pytest.raises(Corrupt, match="64 bits"):
        smallest_results(seed=2**63).to_json_bytes()
    assert Results.from_json(smallest_results(seed=2**63 - 1).to_json_bytes()).seed == 2**63 - 1


def test_a_type_without_a_json_form_is_refused() -> None:
    facts = replace(smallest_results().strategy, parameters={"path": Path("x")})
    with pytest.raises(Corrupt, match="no place in the results"):
        smallest_results(strategy=facts).to_json_bytes()


def test_whole_floats_and_numpy_numbers_are_written_as_plain_numbers() -> None:
    plain = smallest_results(series=Series(ts_ns=(1, 2), price=(2.0, 0.1)))
    numpy = smallest_results(
        series=Series(
            ts_ns=(np.int64(1), np.int64(2)),  # type: ignore[arg-type]
            price=(np.float64(2), np.float64(0.1)),
        )
    )
    assert plain.to_json_bytes() == numpy.to_json_bytes()
    assert json.loads(plain.to_json_bytes())["series"]["price"] == [2, 0.1]


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (b'"alp.results/1"', b'"alp.results/2"', "schema 'alp.results/2', this alp reads"),
        (b'"schema"', b'"scheme"', "no schema version"),
        (b'"seed": 0', b'"seed": "0"', "seed"),
        (b'"seed": 0', b'"seed": 0, "mood": 1', "mood"),
        (b'"seed": 0,', b"", "seed"),
        (b'"unit": "quote"', b'"unit": "base"', "nav.unit"),
        (b"{", b"[", "not JSON"),
    ],
)
def test_another_file_is_refused_by_name(before: bytes, after: bytes, complaint: str) -> None:
    data = smallest_results().to_json_bytes().replace(before, after, 1)
    with pytest.raises(DataError, match=complaint) as caught:
        Results.from_json(data, path="run/results.json")
    assert caught.value.message
    assert str(caught.value).startswith("run/results.json: ")


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.json"):
        Results.read(tmp_path / "missing.json")


def test_a_list_is_not_a_results_file() -> None:
    with pytest.raises(DataError, match="no schema version"):
        Results.from_json(b"[]")


def test_a_balanced_run_passes() -> None:
    assert WHOLE.check_identity() is WHOLE


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_off_by_dust_is_found(part: str) -> None:
    wrong = codec.exact_sum((getattr(WHOLE.attribution, part), DUST))
    broken = replace(WHOLE, attribution=replace(WHOLE.attribution, **{part: wrong}))
    with pytest.raises(Corrupt, match="attribution parts"):
        broken.check_identity()


@pytest.mark.parametrize("table", ["hourly", "by_rebalance"])
@pytest.mark.parametrize("part", PARTS)
def test_a_period_that_is_off_by_dust_is_found(part: str, table: str) -> None:
    rows = getattr(WHOLE, table)
    row = rows[3]
    wrong = replace(row, **{part: codec.exact_sum((getattr(row, part), DUST))})
    broken = replace(WHOLE, **{table: (*rows[:3], wrong, *rows[4:])})
    with pytest.raises(Corrupt, match=f"nav at {row.ts_ns}"):
        broken.check_identity()


def test_dust_moved_between_parts_of_a_period_is_found() -> None:
    row = WHOLE.hourly[3]
    wrong = replace(
        row,
        fees=codec.exact_sum((row.fees, DUST)),
        lvr=codec.exact_sum((row.lvr, -DUST)),
    )
    broken = replace(WHOLE, hourly=(*WHOLE.hourly[:3], wrong, *WHOLE.hourly[4:]))
    with pytest.raises(Corrupt, match=r"periods' fees .* difference of 0\.0+1$"):
        broken.check_identity()


def test_a_total_a_change_and_an_end_that_disagree_are_found() -> None:
    off = codec.exact_sum((WHOLE.nav.change, DUST))
    with pytest.raises(Corrupt, match=r"attribution\.total"):
        replace(WHOLE, nav=replace(WHOLE.nav, change=off)).check_identity()
    with pytest.raises(Corrupt, match=r"nav\.start \+ nav\.change"):
        replace(WHOLE, nav=replace(WHOLE.nav, end=WHOLE.nav.end + 1)).check_identity()
    with pytest.raises(Corrupt, match="attribution parts"):
        replace(WHOLE, attribution=replace(WHOLE.attribution, total=off)).check_identity()


def test_columns_of_different_length_are_found() -> None:
    short = replace(WHOLE.series, price=WHOLE.series.price[:-1])
    with pytest.raises(Corrupt, match="differ in length"):
        replace(WHOLE, series=short).check_identity()


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=30), max_size=30))
def test_adding_amounts_never_rounds(amounts: list[Decimal]) -> None:
    assert Fraction(codec.exact_sum(amounts)) == sum(map(Fraction, amounts), Fraction())


def test_the_published_schema_accepts_what_is_written_and_refuses_the_rest(root: Path) -> None:
    schema = json.loads((root / "docs/reference/results.schema.json").read_text())
    assert schema == codec.json_schema(Results)
    judge = jsonschema.Draft202012Validator(schema)
    found = json.loads(WHOLE.to_json_bytes())
    judge.validate(found)
    judge.validate(json.loads(smallest_results().to_json_bytes()))
    for place, value in (("il", -71.2), ("il", "1e3"), ("seed", "7"), ("schema", "alp.results/2")):
        assert not judge.is_valid({**found, place: value}), f"{place} = {value!r} was accepted"


def test_every_field_of_the_schema_says_what_it_is() -> None:
    schema = codec.json_schema(Results)
    silent = {
        f"{name}.{field}"
        for name, definition in schema["$defs"].items()
        for field, member in definition["properties"].items()
        if "description" not in member and "$ref" not in json.dumps(member)
    }
    assert silent <= SELF_EXPLAINING


SELF_EXPLAINING = {
    *(f"Pair.{name}" for name in ("base", "quote", "base_decimals", "quote_decimals")),
    *(f"Pair.{name}" for name in ("base_is_token0", "tick_spacing")),
    *(f"Window.{name}" for name in ("start_ns", "end_ns")),
    *(f"Nav.{name}" for name in ("start", "end", "unit")),
    *(f"Inventory.{name}" for name in ("start_base", "start_quote", "end_base", "end_quote")),
    *(f"Position.{name}" for name in ("id", "tick_lower", "tick_upper", "opened_ns")),
    *(f"Position.{name}" for name in ("fees_base", "fees_quote")),
    *(f"RangeSpan.{name}" for name in ("tick_lower", "tick_upper", "price_lower", "price_upper")),
    *(f"Rebalance.{name}" for name in ("ts_ns", "decision", "tick")),
    *(f"Fill.{name}" for name in ("ts_ns", "venue", "side")),
    *(f"Hedge.{name}" for name in ("enabled",)),
    *(f"Series.{name}" for name in ("ts_ns",)),
    *(f"Markout.{name}" for name in ("leg", "horizon_ns", "mean_bps", "median_bps")),
    *(f"Markout.{name}" for name in ("p05_bps", "p95_bps")),
    "FeeTier.fee_pips",
}
"""Fields whose name says it all."""
