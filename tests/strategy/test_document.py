from __future__ import annotations

from decimal import Decimal

import pytest

from alp.strategy.document import MAX_BYTES, read_document, read_scalar
from alp.strategy.problems import ManifestError


def refusal(text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(ManifestError) as caught:
        read_document(content, "f.yaml")
    return str(caught.value)


def value(text: str) -> object:
    return read_document(text.encode(), "f.yaml").value


def test_a_number_with_a_point_keeps_its_digits() -> None:
    assert value("a: 0.10\nb: 1e-5\nc: 3\nd: -2.5") == {
        "a": Decimal("0.10"),
        "b": Decimal("1e-5"),
        "c": 3,
        "d": Decimal("-2.5"),
    }
    assert str(value("a: 0.10")["a"]) == "0.10"  # type: ignore[index]


def test_dates_octal_hexadecimal_and_sexagesimal_numbers_stay_text() -> None:
    text = "a: 2024-01-05T00:00:00Z\nb: 010\nc: 0x1f\nd: 1:30\ne: .inf\nf: 1_000"
    assert value(text) == {
        "a": "2024-01-05T00:00:00Z",
        "b": "010",
        "c": "0x1f",
        "d": "1:30",
        "e": ".inf",
        "f": "1_000",
    }


def test_words_for_true_false_and_nothing_are_understood() -> None:
    assert value("a: yes\nb: off\nc: ~\nd:") == {"a": True, "b": False, "c": None, "d": None}


def test_quoted_and_tagged_text_stays_text() -> None:
    assert value("a: '1'\nb: !!str 2\nc: !!int '3'\nd: !!float 4") == {
        "a": "1",
        "b": "2",
        "c": 3,
        "d": Decimal(4),
    }


def test_json_is_yaml() -> None:
    assert value('{"a": [1, 2.5, {"b": null}]}') == {"a": [1, Decimal("2.5"), {"b": None}]}


def test_lines_and_columns_are_those_of_keys_and_items() -> None:
    document = read_document(b"a: 1\nb:\n  c:\n  - d: 2\n  - e\n", "f.yaml")
    assert document.lines[("b", "c")] == (3, 3)
    assert document.lines[("b", "c", 0, "d")] == (4, 5)
    assert document.lines[("b", "c", 1)] == (5, 5)
    assert document.place(("b", "missing")) == (2, 1)
    assert document.place(("missing",)) == (1, 1)


def test_anchors_and_merges_are_expanded_and_own_keys_win() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\nw: {<<: *x}\nv: {<<: *x}"
    found = value(text)
    assert isinstance(found, dict)
    assert found["y"] == {"a": 1, "b": 3}
    assert found["z"] == found["w"] == found["v"] == {"a": 1, "b": 2}


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    assert refusal("spec:\n  a: 1\n  b: 2\n  a: 3\n") == (
        "f.yaml:4: spec.a: is given twice; first on line 2"
    )


def test_several_duplicates_are_reported_at_once() -> None:
    assert refusal("a: 1\na: 2\nb: 1\nb: 2\n").count("is given twice") == 2


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "---\n---\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert refusal(text).startswith("f.yaml: is empty")


def test_several_documents_are_refused_with_the_second_ones_line() -> None:
    assert refusal("a: 1\n---\nb: 2\n") == "f.yaml:3: holds 2 documents; a manifest is one file"


def test_a_document_between_blank_ones_is_read() -> None:
    assert value("---\n---\na: 1\n---\n") == {"a": 1}


def test_text_that_is_not_utf8_is_refused_with_its_line() -> None:
    assert refusal(b"a: 1\nb: \xff\n") == "f.yaml:2: is not UTF-8 text; save it as UTF-8"


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read_document(b"\xef\xbb\xbfa: 1", "f").value == {"a": 1}


def test_a_control_character_is_refused_with_its_line() -> None:
    assert refusal("a: 1\nb: \x01\n") == "f.yaml:2: contains a control character"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "f.yaml:1: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a:\n\tb: 1", "f.yaml:2: is not YAML: a tab cannot indent; use spaces"),
        ("a: *nothing", "f.yaml:1: is not YAML: an alias (*name) has no anchor (&name) before it"),
        ("a: 1\n b: 2", "f.yaml:2: is not YAML: mapping values are not allowed here"),
        ("a: b: c", "f.yaml:1: is not YAML: mapping values are not allowed here"),
        ("a: 'open", "f.yaml:1: is not YAML: found unexpected end of stream"),
        ("<<: 3", "f.yaml:1: is not YAML: expected a mapping or list of mappings for merging"),
    ],
)
def test_broken_yaml_is_refused_with_its_line(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_a_syntax_message_does_not_repeat_the_text_it_is_about() -> None:
    assert "hunter2" not in refusal("password: 'hunter2\nrest: x\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']",
        "a: !!binary aGk=",
        "a: !!set {x}",
        "a: !mine 1",
    ],
)
def test_tags_that_mean_more_than_plain_values_are_refused(text: str) -> None:
    assert "a: has the tag" in refusal(text)
    assert refusal(text).endswith("which is not allowed")


def test_a_value_that_contains_itself_is_refused() -> None:
    assert refusal("a: &a [1, *a]") == "f.yaml:1: a[1]: contains itself"


def test_a_small_file_cannot_describe_a_huge_document() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert refusal("\n".join(lines)).endswith("holds more than 20000 values")


def test_a_huge_file_is_refused_unread() -> None:
    assert refusal(b"#" * (MAX_BYTES + 1)).startswith("f.yaml: is larger than 1 MiB")


def test_deep_nesting_is_refused() -> None:
    assert refusal("[" * 2000).startswith("f.yaml: is nested too deeply")


def test_an_endless_number_is_refused() -> None:
    assert refusal(f"a: {'9' * 5000}") == "f.yaml:1: a: is a number of more than 100 characters"


def test_a_key_that_is_not_a_word_is_refused() -> None:
    assert refusal("? [1, 2]\n: 3") == "f.yaml:1: has a key that is not a word"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5m", "5m"),
        ("0.1", Decimal("0.1")),
        ("7", 7),
        ("true", True),
        ("[1m, 5m]", ["1m", "5m"]),
        ("", None),
        ("null", None),
    ],
)
def test_a_scalar_on_the_command_line_is_read_as_in_a_file(text: str, expected: object) -> None:
    assert read_scalar(text) == expected
