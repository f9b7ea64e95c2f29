"""What a sweep varies: how it is written, which values it means, what is refused and how."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.backtest.sweep.space import Choices, Span, Steps, read_parameter, write_value
from alp.backtest.sweep.space_file import check_space, read_space
from alp.errors import ConfigError
from alp.strategy.document import read_scalar
from alp.strategy.loading import load_manifest
from alp.strategy.manifest import Strategy


@pytest.fixture(scope="module")
def strategy(root: Path) -> Strategy:
    return load_manifest(root / "examples" / "eth-usdc-30bps.yaml")


def values(name: str, text: str) -> list[object]:
    parameter = read_parameter(name, text)
    assert isinstance(parameter, Choices | Steps)
    return [parameter.value_of(sample) for sample in parameter.samples()]


def test_a_range_with_a_step_holds_both_ends_and_whole_numbers_stay_whole() -> None:
    found = values("ranges.baseSpreadBps", "50:200:50")
    assert found == [50, 100, 150, 200]
    assert all(isinstance(value, int) for value in found)


def test_decimal_steps_are_exact() -> None:
    assert values("model.riskAversion", "0.1:0.7:0.1") == [
        Decimal(text) for text in ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7")
    ]


def test_an_end_that_no_step_reaches_is_left_out() -> None:
    assert values("ranges.baseSpreadBps", "50:120:30") == [50, 80, 110]


def test_numbers_may_carry_one_unit() -> None:
    assert values("rebalance.cooldown", "5m:15m:5m") == ["5m", "10m", "15m"]
    with pytest.raises(ConfigError, match=r"spec\.rebalance\.cooldown: mixes m and h"):
        read_parameter("rebalance.cooldown", "5m:1h:5m")


def test_a_list_holds_anything_that_yaml_can() -> None:
    assert values("rebalance.cooldown", "[10m, 1h]") == ["10m", "1h"]
    pairs = values("model.intensity", "[{A: 0.9, k: 0.3}, {A: 1, k: 0.5}]")
    assert pairs[0] == {"A": Decimal("0.9"), "k": Decimal("0.3")}
    assert values("hedge.enabled", "[true, false]") == [True, False]


def test_a_span_is_whole_where_its_ends_are() -> None:
    whole = read_parameter("ranges.baseSpreadBps", "50..400")
    assert isinstance(whole, Span)
    assert whole.value_of(123) == 123
    real = read_parameter("model.riskAversion", "0.01..1:log")
    assert isinstance(real, Span)
    assert real.log
    assert real.value_of(0.123456789) == Decimal("0.12346")


@given(st.floats(0.001, 7.5))
def test_a_drawn_number_is_short_and_inside_its_span(drawn: float) -> None:
    for text in ("0.001..7.5", "0.001..7.5:log"):
        value = read_parameter("model.riskAversion", text).value_of(drawn)
        assert Decimal("0.001") <= value <= Decimal("7.5")
        assert len(value.as_tuple().digits) <= 5
        assert abs(float(value) - drawn) <= 7.5e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("50", "'50' is not a range or a list"),
        ("50:40:5", "ends at 40, below its start, 50"),
        ("50:400:0", "its step, 0, is not more than 0"),
        ("1..1", "ends at 1, not above its start, 1"),
        ("0..1:log", "starts at 0; a log scale needs more than 0"),
        ("0..1:cubic", "'cubic' is not a scale; only log is"),
        ("a..1", "'a' is not a number"),
        ("0:1000000:1", "has 1,000,001 steps; at most 100,000 are allowed"),
        ("[]", "needs at least one value"),
        ("[1, 2, 1]", "lists 1 twice"),
    ],
)
def test_what_is_wrong_is_said_with_the_field_and_the_way_to_write_it(
    text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_parameter("ranges.baseSpreadBps", text)
    assert str(caught.value).startswith("spec.ranges.baseSpreadBps: ")
    assert message in str(caught.value)
    assert caught.value.hint is not None


def test_a_grid_changes_its_last_parameter_fastest() -> None:
    space = read_space(None, ["ranges.baseSpreadBps=1:2:1", "rebalance.cooldown=[a, b, c]"])
    assert space.size == 6
    points = [tuple(space.point(index).values()) for index in range(6)]
    assert points == [(1, "a"), (1, "b"), (1, "c"), (2, "a"), (2, "b"), (2, "c")]


def test_a_span_makes_a_space_that_is_no_grid() -> None:
    assert read_space(None, ["model.riskAversion=0.1..1"]).size is None


def test_a_file_and_the_command_line_add_up(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        "parameters:\n"
        "  spec.ranges.baseSpreadBps: {from: 50, to: 100, step: 25}\n"
        "  model.riskAversion: {from: 0.01, to: 1, scale: log}\n"
        "  rebalance.cooldown: 5m:15m:5m\n"
        "  spec.hedge.enabled: [true, false]\n"
    )
    space = read_space(file, ["ranges.minWidthBps=[50]"])
    assert space.written() == {
        "spec.ranges.baseSpreadBps": "50:100:25",
        "spec.model.riskAversion": "0.01..1:log",
        "spec.rebalance.cooldown": "5m:15m:5m",
        "spec.hedge.enabled": "[true, false]",
        "spec.ranges.minWidthBps": "[50]",
    }
    with pytest.raises(ConfigError, match=r"spec\.rebalance\.cooldown: is given twice"):
        read_space(file, ["rebalance.cooldown=[1h]"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parameters: {ranges.baseSpreadBps: {from: 1, too: 2}}", "too is not known here; did"),
        ("parameters: {ranges.baseSpreadBps: {from: 1}}", "baseSpreadBps: to is missing"),
        ("parameters: {ranges.baseSpreadBps: 5}", "5 is not a range or a list"),
        ("parameters: {ranges.baseSpreadBps: {from: 1, to: 2, scale: wild}}", "'wild' is neither"),
        ("ranges.baseSpreadBps: [5]", "needs one mapping, parameters, and nothing else"),
    ],
)
def test_a_file_that_makes_no_space_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_space(file)
    assert message in str(caught.value)


def test_no_parameter_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no parameter to vary"):
        read_space(None)


def test_a_misspelt_field_is_named_before_anything_runs(strategy: Strategy) -> None:
    with pytest.raises(ConfigError) as caught:
        check_space(strategy, read_space(None, ["ranges.baseSpreadBp=50:400:50"]))
    assert str(caught.value) == (
        "spec.ranges.baseSpreadBp: is not a field here; did you mean baseSpreadBps?"
    )
    with pytest.raises(ConfigError, match=r"spec\.venues\[0\]\.share: there is no such field"):
        check_space(strategy, read_space(None, ["venues[0].share=[1]"]))


def test_each_impossible_value_is_named(strategy: Strategy) -> None:
    texts = ["ranges.baseSpreadBps=[-5, 100]", "rebalance.cooldown=[10m, 10mm]"]
    with pytest.raises(ConfigError) as caught:
        check_space(strategy, read_space(None, texts))
    first, second = str(caught.value).splitlines()
    assert first.startswith("spec.ranges.baseSpreadBps: -5 is out of bounds")
    assert second.startswith("spec.rebalance.cooldown: '10mm' is not a duration")


def test_a_fraction_where_only_whole_numbers_go_is_refused(strategy: Strategy) -> None:
    with pytest.raises(ConfigError, match=r"spec\.ranges\.baseSpreadBps: .*whole number"):
        check_space(strategy, read_space(None, ["ranges.baseSpreadBps=50.5..99.5"]))


def test_a_value_that_is_right_beside_some_others_is_allowed(strategy: Strategy) -> None:
    wide = ["ranges.minWidthBps=[100, 2500]", "ranges.maxWidthBps=[2000, 3000]"]
    check_space(strategy, read_space(None, [*wide, "ranges.baseSpreadBps=[2600]"]))
    with pytest.raises(ConfigError, match="2500 is more than maxWidthBps"):
        check_space(strategy, read_space(None, ["ranges.minWidthBps=[100, 2500]"]))


YAML = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text("a 1:,[]{}#'\"-é~", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=6,
)


@given(YAML)
def test_a_value_is_written_so_that_yaml_reads_it_back(value: object) -> None:
    assert read_scalar(f"[{write_value(value)}]") == [value]
