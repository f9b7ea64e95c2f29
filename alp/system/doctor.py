"""Whether a strategy could run here: every preflight, each with a remedy; only questions leave."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from alp.errors import AlpError, ConfigError
from alp.services.execution.kill_switch import KillSwitch
from alp.strategy.manifest import Strategy
from alp.system.account_checks import AccountDoctor
from alp.system.accounts import AccountPlace, account_places, accounts_of
from alp.system.checks import Check, fault, ok, skipped, warning
from alp.system.page import LOCK
from alp.system.plan import plan_paper, plan_run
from alp.system.surroundings import Surroundings, is_free

MACHINE = "machine"
MANIFEST = "manifest"
GIGABYTE = 10**9
LITTLE_SPACE, NO_SPACE = 5 * GIGABYTE, GIGABYTE // 5


def examine(strategy: Strategy, around: Surroundings, *, watched: bool = True) -> list[Check]:
    """Look at everything that can be looked at now.

    A strategy whose mode is ``paper`` and whose venues are nowhere is looked at as ``alp paper``
    would run it; any other as ``alp run`` would.

    Parameters
    ----------
    watched
        Whether watchdogs are to run, and their keys are looked at as well.
    """
    return [
        *_plan(strategy, around, watched=watched),
        *_folders(around),
        *_ports(around),
        *_switch(around),
        *asyncio.run(_venues(strategy, around, watched=watched)),
    ]


def is_for_paper(strategy: Strategy) -> bool:
    """Whether ``alp paper`` would have to make this strategy's exchanges."""
    return strategy.spec.mode == "paper" and not all(
        each.endpoints.rest and each.endpoints.stream for each in strategy.spec.venues
    )


def _plan(strategy: Strategy, around: Surroundings, *, watched: bool) -> Iterator[Check]:
    try:
        if is_for_paper(strategy):
            plan = plan_paper(strategy, around)
        else:
            plan = plan_run(strategy, around, watched=watched)
    except AlpError as error:
        for line in error.message.splitlines():
            yield fault(MANIFEST, "plan", line, error.hint or "change the field that is named")
        return
    command = "alp paper" if plan.mode == "paper" else "alp run"
    yield ok(MANIFEST, "plan", f"{command} would start {len(plan.parts)} processes")
    for note in plan.notes:
        yield warning(MANIFEST, "plan", note, "nothing, if that is meant")


def _folders(around: Surroundings) -> Iterator[Check]:
    place = _existing(around.state)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield fault(
            MACHINE,
            "state can be written",
            f"{place}: {error.strerror}",
            "name a folder that this user may write: --state FOLDER",
        )
    else:
        yield ok(MACHINE, "state can be written", str(around.state))
    yield _space(place)
    lock = around.sockets / LOCK
    if lock.exists() and _is_held(lock):
        yield fault(
            MACHINE, "runs once", f"it runs already: {around.sockets}", "stop it; see `alp status`"
        )
    else:
        yield ok(MACHINE, "runs once", f"{around.sockets} is free")


def _space(place: Path) -> Check:
    free = shutil.disk_usage(place).free
    found = f"{free / GIGABYTE:,.1f} GB are free at {place}"
    if free < NO_SPACE:
        return fault(MACHINE, "disk space", found, "make room: without a journal nothing is sent")
    if free < LITTLE_SPACE:
        return warning(MACHINE, "disk space", found, "make room: journals and recordings grow")
    return ok(MACHINE, "disk space", found)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def _is_held(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _ports(around: Surroundings) -> Iterator[Check]:
    if around.page is None:
        try:
            yield ok(MACHINE, "ports", f"{around.next_port()} and others are free")
        except ConfigError as error:
            yield fault(MACHINE, "ports", error.message, "end what holds them")
        return
    host, _, port = around.page.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        yield fault(MACHINE, "ports", f"{around.page} is not HOST:PORT", "give another --health")
    elif int(port) and not is_free(host.strip("[]") or "127.0.0.1", int(port)):
        yield fault(MACHINE, "ports", f"{around.page} is taken", "give another --health")
    else:
        yield ok(MACHINE, "ports", f"{around.page} is free")


def _switch(around: Surroundings) -> Iterator[Check]:
    switch = KillSwitch(around.state)
    if around.state.is_dir() and switch.is_set:
        yield warning(
            MACHINE,
            "kill switch",
            f"it is set: {switch.reason or 'no reason is given'}",
            "`alp release`, when it is understood",
        )
    else:
        yield ok(MACHINE, "kill switch", "it is not set")


async def _venues(strategy: Strategy, around: Surroundings, *, watched: bool) -> list[Check]:
    if is_for_paper(strategy):
        return [
            skipped(each.name, "venue", "`alp paper` simulates it") for each in strategy.spec.venues
        ]
    places = account_places(strategy, around) or tuple(
        AccountPlace(owner, venues, None, None) for owner, venues in accounts_of(strategy)
    )
    sends = strategy.spec.mode != "shadow"
    doctors = [
        AccountDoctor(strategy, each, keyed=sends, watched=sends and watched) for each in places
    ]
    found = await asyncio.gather(*(each.examine() for each in doctors))
    return [check for checks in found for check in checks]
