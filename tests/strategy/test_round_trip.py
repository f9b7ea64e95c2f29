"""What was written reads as itself, and what does the same has the same fingerprint."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from manifests import manifests, small

from alp.strategy import load_manifest
from alp.strategy.writing import write_yaml

thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(manifests())
def test_the_written_form_of_any_manifest_reads_as_itself(content: dict[str, Any]) -> None:
    strategy = load_manifest(content)
    assert load_manifest(strategy.written()) == strategy
    assert load_manifest(strategy.effective()).effective() == strategy.effective()
    assert load_manifest(strategy.effective()).fingerprint() == strategy.fingerprint()


@settings(thorough, max_examples=30)
@given(manifests())
def test_any_manifest_survives_yaml_of_every_style(content: dict[str, Any]) -> None:
    strategy = load_manifest(content)
    for text in (
        write_yaml(strategy.effective()),
        yaml.safe_dump(strategy.effective()),
        json.dumps(strategy.effective(), indent=1),
    ):
        assert load_manifest(text + "\n").effective() == strategy.effective()


def test_defaults_written_out_do_not_change_the_fingerprint() -> None:
    bare = load_manifest(small())
    spelled = load_manifest(small(rebalance={"cooldown": "600s", "minBenefitQuote": "0.00"}))
    assert bare.fingerprint() == spelled.fingerprint()


def test_name_and_labels_do_not_change_the_fingerprint() -> None:
    named = small() | {"metadata": {"name": "other", "labels": {"a": "b"}}}
    assert load_manifest(named).fingerprint() == load_manifest(small()).fingerprint()


def test_any_other_value_changes_the_fingerprint() -> None:
    prints = {
        load_manifest(content).fingerprint()
        for content in (
            small(),
            small(rebalance={"cooldown": "11m"}),
            small(mode="shadow"),
            small(inventory={"base": "1", "quote": "2500.000001"}),
        )
    }
    assert len(prints) == 4


def test_the_fingerprint_of_a_manifest_never_changes_by_itself() -> None:
    """A changed default or a new field changes it, and must be meant: then change this line."""
    assert load_manifest(small()).fingerprint() == (
        "abdbfed46b785a7d7c64155a7ce5c94f19c34fc816be34df8f825d0eecf0d5d9"
    )


def test_only_what_was_given_is_written_back() -> None:
    content = small(rebalance={"cooldown": "90s"})
    assert load_manifest(content).written() == content
