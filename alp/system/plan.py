"""From a manifest to the processes that run it; nothing is started and nothing is asked here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from alp.strategy.loading import load_manifest
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, Problem
from alp.strategy.writing import write_yaml
from alp.system.accounts import (
    POSITIONS,
    AccountPlace,
    account_places,
    accounts_of,
    has_keys,
    missing_keys,
)
from alp.system.components import COMPONENTS, Scene
from alp.system.parts import Part, Plan, Role
from alp.system.simulators import World, keys_folder, on_paper, simulated
from alp.system.surroundings import Surroundings


def plan_paper(
    strategy: Strategy, around: Surroundings, world: World | None = None, *, json_logs: bool = False
) -> Plan:
    """Return the processes of a strategy at simulated exchanges, whatever its mode is.

    Raises
    ------
    ManifestError
        If it has no venue, or one that cannot be simulated; the message names each field.
    ConfigError
        If a socket's path would be too long, or a recording is for no venue.
    """
    world = world or World()
    _refuse(strategy, [*_no_venues(strategy), *_strangers(strategy, world)])
    exchanges = tuple(simulated(strategy, around.next_port))
    content = on_paper(strategy, exchanges)
    changed = load_manifest(content)
    accounts = tuple(
        AccountPlace(
            owner,
            venues,
            keys_folder(around, owner.exchange) / owner.name,
            keys_folder(around, owner.exchange) / f"{owner.name}-2",
            keys_folder(around, owner.exchange) / f"{owner.name}-3",
        )
        for owner, venues in accounts_of(changed)
    )
    manifest = around.state / "strategy.yaml"
    scene = Scene(
        changed,
        manifest,
        around.state / "state",
        around,
        accounts,
        exchanges,
        world,
        json_logs=json_logs,
    )
    return _plan(scene, "paper", write_yaml(content), [str(around.state / "keys")])


def plan_run(
    strategy: Strategy,
    around: Surroundings,
    *,
    watched: bool = True,
    json_logs: bool = False,
) -> Plan:
    """Return the processes of a strategy where its manifest says that its venues are.

    Raises
    ------
    ManifestError
        If its mode does not mean that, or keys are missing; the message names each field.
    ConfigError
        If a socket's path would be too long.
    """
    accounts = account_places(strategy, around)
    problems = [*_no_venues(strategy), *_on_paper_for_real(strategy)]
    for account in accounts:
        problems += missing_keys(strategy, account, around, watched=watched)
    _refuse(strategy, problems)
    source = (strategy.source or Path("strategy.yaml")).absolute()
    scene = Scene(
        strategy,
        source,
        around.state,
        around,
        accounts,
        watched=watched,
        json_logs=json_logs,
        counted=all(has_keys(each, around) for each in accounts),
    )
    return _plan(scene, "run", None, [])


def _plan(scene: Scene, mode: str, written: str | None, folders: list[str]) -> Plan:
    page = scene.around.page or scene.health()
    parts = [part for component in COMPONENTS for part in component(scene)]
    return Plan(
        scene.strategy.name,
        mode,
        tuple(_logging(part, json=scene.json_logs) for part in parts),
        str(scene.manifest),
        written,
        tuple(dict.fromkeys([str(scene.around.state), str(scene.state), *folders])),
        page,
        str(scene.state),
        tuple(_notes(scene, parts)),
    )


def _logging(part: Part, *, json: bool) -> Part:
    options = ("--log-format", "json") if json else ()
    return replace(part, command=(*options, *part.command))


def _notes(scene: Scene, parts: list[Part]) -> Iterator[str]:
    if scene.strategy.spec.topology == "fused":
        yield "spec.topology is fused; these parts are processes, as with split"
    if not any(part.role is Role.MAKER for part in parts):
        yield "nothing here decides: quotes are taken from the bus"
    if scene.accounts and scene.strategy.spec.hedge.enabled and not scene.has_lp:
        yield "nobody tells what the pool's ranges hold: the venues' inventory counts alone"
    if not scene.accounts:
        yield "spec.mode is shadow: nothing is sent, so no account is opened"
    elif not scene.counted:
        yield (
            "nothing is counted: for a position server each account needs keys to read, "
            f"NAME{POSITIONS}"
        )
    if scene.accounts and not scene.watched:
        yield "without a watchdog orders stay when a handler dies and cannot be started again"


def _no_venues(strategy: Strategy) -> Iterator[Problem]:
    if not strategy.spec.venues:
        yield Problem(("spec", "venues"), "is empty: there is nothing to trade on")


def _strangers(strategy: Strategy, world: World) -> Iterator[Problem]:
    names = [each.name for each in strategy.spec.venues]
    for each in world.recordings:
        if each.venue not in names:
            yield Problem(
                ("spec", "venues"),
                f"has no {each.venue!r}, for which --data has a recording; it has "
                f"{', '.join(names) or 'none'}",
            )


def _on_paper_for_real(strategy: Strategy) -> Iterator[Problem]:
    if strategy.spec.mode != "paper":
        return
    for index, venue in enumerate(strategy.spec.venues):
        if not (venue.endpoints.rest and venue.endpoints.stream):
            yield Problem(
                ("spec", "venues", index, "endpoints"),
                f"spec.mode is paper, and this would be the real {venue.exchange}: use `alp paper`,"
                " name a simulated one, or set spec.mode",
            )


def _refuse(strategy: Strategy, problems: list[Problem]) -> None:
    if problems:
        raise ManifestError(str(strategy.source or strategy.name), problems)
