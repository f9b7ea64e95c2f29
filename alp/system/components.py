"""What a system is made of: from the scene to the parts of each component.

A further component becomes a further entry of :data:`COMPONENTS`: a function from the scene to its
parts, which names what they need. Everything else, order, restarts, ends, follows from the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alp.bus.addresses import check_endpoint, recall_endpoint
from alp.strategy.manifest import Strategy
from alp.strategy.venues import Venue
from alp.system.accounts import POSITIONS, WATCHDOG, AccountPlace
from alp.system.parts import Part, Restart, Role
from alp.system.simulators import Simulated, World, exchange_part
from alp.system.surroundings import HOST, Surroundings
from alp.venues.credentials import variable_names

SECOND = 10**9
STOP_MARGIN_S = 10.0
"""Beyond spec.execution.stopWithin: a handler closes its streams and its journal."""
BLOCK_S = 12.0


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


def _variables(name: str, around: Surroundings) -> tuple[str, ...]:
    return tuple(each for each in variable_names(name).values() if each in around.variables)


def _keys(folder: Path | None) -> list[str]:
    return [] if folder is None else ["--keys", str(folder)]
