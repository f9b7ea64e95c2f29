from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.strategy.document import read_document
from alp.strategy.writing import write_yaml

scalars = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))),
    st.integers(-(10**6), 10**6),
    st.booleans(),
    st.sampled_from(["yes", "null", "1", "0.5", "10m", "2024-01-05T00:00:00Z", "~", "a: b", "#x"]),
)
keys = st.from_regex(r"[a-z][A-Za-z0-9]{0,8}", fullmatch=True)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(scalars, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
        st.lists(st.dictionaries(keys, inner, min_size=1, max_size=3), max_size=3),
    ),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
def test_what_is_written_reads_as_itself(content: dict[str, Any]) -> None:
    assert read_document(write_yaml(content).encode(), "f").value == content


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("WETH", "WETH"),
        ("10m", "10m"),
        ("2024-01-05T00:00:00Z", "2024-01-05T00:00:00Z"),
        ("2500", '"2500"'),
        ("no", '"no"'),
        ("a: b", '"a: b"'),
        ("", '""'),
        (True, "true"),
        (None, "null"),
        ([], "[]"),
        ({}, "{}"),
        (["1m", 2], "[1m, 2]"),
    ],
)
def test_text_is_quoted_only_where_it_must_be(value: Any, text: str) -> None:
    assert write_yaml({"a": value}) == f"a: {text}\n"


def test_comments_stand_behind_their_fields() -> None:
    content = {"a": {"b": 1, "c": [{"d": 2}]}}
    comments = {("a", "b"): "one", ("a", "c"): "list", ("a", "c", 0, "d"): "two"}
    assert write_yaml(content, comments) == ("a:\n  b: 1  # one\n  c:  # list\n  - d: 2  # two\n")
