"""Systems of small processes, and what became of them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from waits import until

from alp.system.lines import Lines
from alp.system.parts import Part, Plan, Restart, Role
from alp.system.supervisor import Outcome, Supervisor
from alp.system.surroundings import HOST, Ports

SCRIPT = Path(__file__).with_name("small_part.py")
PROGRAM = (sys.executable, "-S", "-E", str(SCRIPT))
SOON_S = 60.0
QUICK = Restart(most=3, first_s=0.05, longest_s=0.2)


class Small:
    """A plan of small parts, and the supervisor that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        self.written = folder / "lines"
        self.parts: list[Part] = []
        self.ports = Ports()
        self.supervisor: Supervisor | None = None

    def add(
        self,
        name: str,
        role: Role,
        *options: str,
        needs: tuple[str, ...] = (),
        restart: Restart = QUICK,
        stop_s: float = 20.0,
        environment: tuple[str, ...] = (),
    ) -> None:
        health = f"{HOST}:{self.ports.next()}"
        command = ("--health", health, "--log", str(self.log), "--name", name, *options)
        account = "account" if role in (Role.HANDLER, Role.WATCHDOG) else ""
        self.parts.append(
            Part(
                name,
                role,
                command,
                health,
                needs=needs,
                restart=restart,
                stop_s=stop_s,
                account=account,
                environment=environment,
            )
        )

    def plan(self) -> Plan:
        page = f"{HOST}:{self.ports.next()}"
        return Plan("small", "paper", tuple(self.parts), "none", None, (), page, str(self.folder))

    def run(
        self,
        meanwhile: Any = None,
        *,
        seconds: float | None = None,
        environment: Mapping[str, str] | None = None,
        descriptor: int | None = None,
        **options: Any,
    ) -> Outcome:
        """Run to the end, beside a coroutine that gets this; nothing of it runs afterwards."""
        given = dict(os.environ) if environment is None else dict(environment)
        if descriptor is None:
            descriptor = os.open(self.written, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        async def both() -> Outcome:
            with Lines(descriptor, secrets=options.pop("secrets", ())) as lines:
                self.lines = lines
                self.supervisor = Supervisor(self.plan(), lines, given, program=PROGRAM, **options)
                async with asyncio.timeout(2 * SOON_S):
                    running = asyncio.create_task(self.supervisor.run(seconds))
                    if meanwhile is not None:
                        work: Coroutine[Any, Any, None] = meanwhile(self)
                        await work
                    return await running

        try:
            return asyncio.run(both())
        finally:
            assert not [pid for pid in self.pids() if alive(pid)], self.events()

    def events(self) -> list[str]:
        """What parts noted: what happened, name and process."""
        return self.log.read_text().splitlines()

    def order(self, what: str) -> list[str]:
        """Names of the parts that noted this, in order."""
        found = [each.split() for each in self.events()]
        return [name for kind, name, _ in found if kind == what]

    def pids(self) -> list[int]:
        return [int(each.split()[2]) for each in self.events()]

    def text(self) -> str:
        return self.written.read_text()

    async def ready(self) -> None:
        assert self.supervisor is not None
        members = self.supervisor.members.values()
        await until(lambda: all(each.ready for each in members), SOON_S)

    def stop(self) -> None:
        assert self.supervisor is not None
        self.supervisor.ask_to_stop()


def alive(pid: int) -> bool:
    """Whether a process is there, and is more than an entry that nobody has read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
