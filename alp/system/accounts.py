"""The accounts of a strategy: which venues each is, and where its keys are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alp.strategy.manifest import Strategy
from alp.strategy.problems import Problem
from alp.strategy.venues import Venue
from alp.system.surroundings import Surroundings
from alp.venues.credentials import variable_names

WATCHDOG = "-watchdog"
"""Of the names of a watchdog's keys."""
POSITIONS = "-positions"
"""Of the names of the position server's keys."""


@dataclass(frozen=True)
class AccountPlace:
    """One account, and where its processes are.

    Attributes
    ----------
    owner
        The first of the venues that are this account; its name names the processes.
    keys, watchdog_keys, positions_keys
        Folders; None: the environment has them.
    """

    owner: Venue
    venues: tuple[Venue, ...]
    keys: Path | None
    watchdog_keys: Path | None
    positions_keys: Path | None = None

    @property
    def handler(self) -> str:
        """The name of the part that owns it."""
        return f"handler-{self.owner.name}"

    @property
    def watchdog(self) -> str:
        """The name of the part that watches it."""
        return f"watchdog-{self.owner.name}"


def accounts_of(strategy: Strategy) -> list[tuple[Venue, tuple[Venue, ...]]]:
    """Return the accounts: the first venue of each, and all of them."""
    found: list[list[Venue]] = []
    for venue in strategy.spec.venues:
        mine = next((each for each in found if venue.is_account_of(each[0])), None)
        if mine is None:
            found.append([venue])
        else:
            mine.append(venue)
    return [(each[0], tuple(each)) for each in found]


def account_places(strategy: Strategy, around: Surroundings) -> tuple[AccountPlace, ...]:
    """Return the accounts of a strategy at real venues; none where nothing is sent."""
    if strategy.spec.mode == "shadow":
        return ()
    return tuple(
        AccountPlace(
            owner, venues, *(_secret(owner, around, each) for each in ("", WATCHDOG, POSITIONS))
        )
        for owner, venues in accounts_of(strategy)
    )


def missing_keys(
    strategy: Strategy, account: AccountPlace, around: Surroundings, *, watched: bool
) -> Iterator[Problem]:
    """Name each account's field without whose keys `alp run` would not start."""
    index = strategy.spec.venues.index(account.owner)
    wanted = [(account.owner.name, account.keys, "keys", "")]
    if watched:
        other = account.owner.name + WATCHDOG
        wanted.append(
            (other, account.watchdog_keys, "keys for its watchdog", ", or run it --no-watchdog")
        )
    for name, folder, what, way_out in wanted:
        variable = variable_names(name)["key"]
        if variable in around.variables or (folder is not None and around.is_folder(folder)):
            continue
        place = f"a folder {folder}" if folder is not None else "--secrets FOLDER"
        yield Problem(
            ("spec", "venues", index, "credentials"),
            f"there are no {what}: set {variable} and what belongs to it, or give {place}{way_out}",
        )


def has_keys(account: AccountPlace, around: Surroundings) -> bool:
    """Whether there are keys for a position server: without them there is none."""
    folder = account.positions_keys
    variable = variable_names(account.owner.name + POSITIONS)["key"]
    return variable in around.variables or (folder is not None and around.is_folder(folder))


def _secret(venue: Venue, around: Surroundings, suffix: str) -> Path | None:
    """Return the folder of an account's keys: the secret's name in the folder of secrets."""
    if around.secrets is None:
        return None
    if venue.credentials is None:
        return around.secrets / f"{venue.name}{suffix}"
    secret = venue.credentials.secret_ref
    name = secret.name if secret.key is None else f"{secret.name}.{secret.key}"
    return around.secrets / f"{name}{suffix}"
