"""From a manifest to the processes that run it; nothing is started and nothing is asked here.

A further component becomes a further entry of :data:`COMPONENTS`: a function from the scene to its
parts, which names what they need. Everything else, order, restarts, ends, follows from the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from alp.bus.addresses import check_endpoint, recall_endpoint
from alp.strategy.loading import load_manifest
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, Problem
from alp.strategy.venues import Venue
from alp.strategy.writing import write_yaml
from alp.system.parts import Part, Plan, Restart, Role
from alp.system.simulators import (
    Simulated,
    World,
    exchange_part,
    keys_folder,
    on_paper,
    simulated,
)
from alp.system.surroundings import HOST, Surroundings
from alp.venues.credentials import variable_names

SECOND = 10**9
STOP_MARGIN_S = 10.0
"""Beyond spec.execution.stopWithin: a handler closes its streams and its journal."""
BLOCK_S = 12.0
WATCHDOG = "-watchdog"
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


@dataclass(frozen=True)
class Scene:
    """What parts are made from.

    Attributes
    ----------
    strategy
        As the parts will read it.
    accounts
        Empty where nothing is sent.
    exchanges
        Those that are simulated.
    counted
        Whether there are keys for a position server.
    """

    strategy: Strategy
    manifest: Path
    state: Path
    around: Surroundings
    accounts: tuple[AccountPlace, ...]
    exchanges: tuple[Simulated, ...] = ()
    world: World = field(default_factory=World)
    watched: bool = True
    json_logs: bool = False
    counted: bool = True

    @property
    def has_lp(self) -> bool:
        """Whether one of the parts tells on the bus, at ``lp``, what the LP leg holds."""
        return bool(self.exchanges)

    def end(self, name: str) -> str:
        """Return an endpoint in the folder of sockets.

        Raises
        ------
        ConfigError
            If its path is too long.
        """
        endpoint = f"ipc://{self.around.sockets / name}.ipc"
        check_endpoint(recall_endpoint(endpoint))
        return endpoint

    def health(self) -> str:
        """Return an address for a part's probes."""
        return f"{HOST}:{self.around.next_port()}"

    def exchange_of(self, *venues: Venue) -> tuple[str, ...]:
        """Return the names of the simulated exchanges of these venues."""
        wanted = {each.exchange for each in venues}
        return tuple(each.name for each in self.exchanges if each.exchange in wanted)


def exchange_parts(scene: Scene) -> Iterator[Part]:
    """Return the simulated exchanges."""
    for exchange in scene.exchanges:
        accounts = [
            each.owner.name for each in scene.accounts if each.owner.exchange == exchange.exchange
        ]
        yield exchange_part(scene.strategy, exchange, accounts, scene.world, scene.around)


def quote_parts(scene: Scene) -> Iterator[Part]:
    """Return the quote server: one process for all venues."""
    health, publish = scene.health(), scene.end("quotes")
    command = ["quote-server", str(scene.manifest), "--health", health]
    command += ["--publish", publish, "--recall", recall_endpoint(publish)]
    yield Part(
        "quotes",
        Role.QUOTES,
        tuple(command),
        health,
        sockets={"publish": publish, "recall": recall_endpoint(publish)},
        needs=scene.exchange_of(*scene.strategy.spec.venues),
        venues=tuple(each.name for each in scene.strategy.spec.venues),
    )


def watchdog_parts(scene: Scene) -> Iterator[Part]:
    """Return a watchdog for each account."""
    for account in scene.accounts if scene.watched else ():
        name, health = account.owner.name, scene.health()
        command = ["watchdog", str(scene.manifest), "--venue", name, "--state", str(scene.state)]
        command += ["--orders", scene.end(f"orders-{name}"), "--health", health]
        command += _keys(account.watchdog_keys)
        yield Part(
            account.watchdog,
            Role.WATCHDOG,
            tuple(command),
            health,
            environment=_variables(name + WATCHDOG, scene.around),
            state=str(scene.state),
            needs=scene.exchange_of(account.owner),
            account=account.owner.account,
            venues=tuple(each.name for each in account.venues),
        )


def handler_parts(scene: Scene) -> Iterator[Part]:
    """Return an execution handler for each account."""
    stop_s = scene.strategy.spec.execution.stop_within / SECOND + STOP_MARGIN_S
    quotes = scene.end("quotes")
    for account in scene.accounts:
        name, health = account.owner.name, scene.health()
        sockets = {
            "commands": scene.end(f"commands-{name}"),
            "publish": scene.end(f"orders-{name}"),
            "recall": recall_endpoint(scene.end(f"orders-{name}")),
        }
        command = ["exec-handler", str(scene.manifest), "--venue", name]
        command += ["--state", str(scene.state), "--health", health, "--quotes", quotes]
        for option, endpoint in sockets.items():
            command += [f"--{option}", endpoint]
        needs = [*scene.exchange_of(*account.venues), "quotes"]
        yield Part(
            account.handler,
            Role.HANDLER,
            (*command, *_keys(account.keys)),
            health,
            environment=_variables(name, scene.around),
            sockets=sockets,
            state=str(scene.state / account.owner.account),
            needs=(*needs, account.watchdog) if scene.watched else tuple(needs),
            stop_s=stop_s,
            account=account.owner.account,
            venues=tuple(each.name for each in account.venues),
        )


def pool_parts(scene: Scene) -> Iterator[Part]:
    """Return the simulated chain with the strategy's pool, and the agent that keeps its ranges."""
    if not scene.has_lp:
        return
    rate, quotes = scene.world.rate, scene.end("quotes")
    socket = str(scene.around.sockets / "chain.sock")
    health = scene.health()
    command = ["chain", str(scene.manifest), "--socket", socket, "--made-up", "--quotes", quotes]
    command += ["--seed", str(scene.world.seed), "--rate", f"{rate:g}", "--health", health]
    yield Part(
        "chain",
        Role.EXCHANGE,
        tuple(command),
        health,
        needs=("quotes",),
        # What the account holds ends with it: another one would begin anew.
        restart=Restart(most=0),
    )
    health, publish = scene.health(), scene.end("lp")
    command = ["lp-agent", str(scene.manifest), "--chain", f"paper://{socket}"]
    command += ["--state", str(scene.state), "--block-time", f"{BLOCK_S / rate:g}"]
    command += ["--health", health, "--publish", publish, "--recall", recall_endpoint(publish)]
    yield Part(
        "lp-agent",
        Role.LP_AGENT,
        tuple(command),
        health,
        sockets={"publish": publish, "recall": recall_endpoint(publish)},
        state=str(scene.state),
        needs=("chain",),
        stop_s=scene.strategy.spec.execution.stop_within / SECOND + STOP_MARGIN_S,
    )


def maker_parts(scene: Scene) -> Iterator[Part]:
    """Return the market maker: one process for all accounts."""
    if not scene.accounts:
        return
    health = scene.health()
    command = ["market-maker", str(scene.manifest), "--state", str(scene.state)]
    command += ["--health", health, "--quotes", scene.end("quotes")]
    for account in scene.accounts:
        name = account.owner.name
        where = f"{scene.end(f'commands-{name}')},{scene.end(f'orders-{name}')}"
        command += ["--handler", f"{name}={where}"]
    command += ["--lp", scene.end("lp")] if scene.has_lp else ["--without-lp"]
    yield Part(
        "maker",
        Role.MAKER,
        tuple(command),
        health,
        state=str(scene.state),
        needs=("quotes", *(each.handler for each in scene.accounts)),
        venues=tuple(each.name for each in scene.strategy.spec.venues),
    )


def position_parts(scene: Scene) -> Iterator[Part]:
    """Return the position server: one process for all accounts, where there are keys for it."""
    if not (scene.accounts and scene.counted):
        return
    health, publish = scene.health(), scene.end("positions")
    command = ["position-server", str(scene.manifest), "--state", str(scene.state)]
    command += ["--health", health, "--publish", publish, "--recall", recall_endpoint(publish)]
    command += ["--quotes", scene.end("quotes"), "--chain", scene.end("lp")]
    if scene.exchanges:
        # A session on paper has a ledger of its own, whatever the environment says.
        command += ["--ledger", str(scene.state / "ledger.db")]
    variables: list[str] = []
    for account in scene.accounts:
        name = account.owner.name
        command += ["--commands", f"{name}={scene.end(f'commands-{name}')}"]
        command += ["--orders", f"{name}={scene.end(f'orders-{name}')}"]
        if account.positions_keys is not None:
            command += ["--keys", f"{name}={account.positions_keys}"]
        variables += _variables(name + POSITIONS, scene.around)
    yield Part(
        "positions",
        Role.POSITIONS,
        tuple(command),
        health,
        environment=tuple(variables),
        sockets={"publish": publish, "recall": recall_endpoint(publish)},
        state=str(scene.state),
        needs=("quotes", *(each.handler for each in scene.accounts)),
        venues=tuple(each.name for each in scene.strategy.spec.venues),
    )


COMPONENTS: tuple[Callable[[Scene], Iterator[Part]], ...] = (
    exchange_parts,
    quote_parts,
    watchdog_parts,
    handler_parts,
    pool_parts,
    maker_parts,
    position_parts,
)
"""What a system is made of, each after what it needs."""


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
        problems += _missing_keys(strategy, account, around, watched=watched)
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
        counted=all(_has_keys(each, around) for each in accounts),
    )
    return _plan(scene, "run", None, [])


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


def _variables(name: str, around: Surroundings) -> tuple[str, ...]:
    return tuple(each for each in variable_names(name).values() if each in around.variables)


def _keys(folder: Path | None) -> list[str]:
    return [] if folder is None else ["--keys", str(folder)]


def _secret(venue: Venue, around: Surroundings, suffix: str) -> Path | None:
    """Return the folder of an account's keys: the secret's name in the folder of secrets."""
    if around.secrets is None:
        return None
    if venue.credentials is None:
        return around.secrets / f"{venue.name}{suffix}"
    secret = venue.credentials.secret_ref
    name = secret.name if secret.key is None else f"{secret.name}.{secret.key}"
    return around.secrets / f"{name}{suffix}"


def _has_keys(account: AccountPlace, around: Surroundings) -> bool:
    """Whether there are keys for a position server: without them there is none."""
    folder = account.positions_keys
    variable = variable_names(account.owner.name + POSITIONS)["key"]
    return variable in around.variables or (folder is not None and around.is_folder(folder))


def _missing_keys(
    strategy: Strategy, account: AccountPlace, around: Surroundings, *, watched: bool
) -> Iterator[Problem]:
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
