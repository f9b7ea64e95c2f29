"""Runs a plan: starts parts in order, starts again what dies, and stops all of it in order."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alp.errors import ExitCode
from alp.system.child import Child, Guard
from alp.system.lines import Lines
from alp.system.member import Member, Stage, how_ended
from alp.system.parts import Part, Plan, Role
from alp.system.probes import Probes
from alp.system.residue import Residue, residue_of, watchdog_saw_none

KEYS = re.compile(r"ALP_[A-Z0-9_]*_(KEY|SECRET|PASSPHRASE|PRIVATE_KEY_FILE)")
PROBE_S = 0.25
PATIENCE_S = 10.0
"""A part that is not ready is told of so often."""
HUNG_S = 30.0
"""A process that has not answered for so long does not live."""
BEGIN_S = 300.0
"""What is to run for a while only has to be ready within so long."""
CLEARING_S = 45.0
"""A watchdog has so long to cancel what a dead handler left."""
HURRY_S = 3.0
ASKED = frozenset(
    {int(ExitCode.OK), int(ExitCode.INTERRUPTED), -int(signal.SIGTERM), -int(signal.SIGINT)}
)
"""How a process ends that was asked to; the latter before it was ready to be asked."""
PROGRAM = (sys.executable, "-m", "alp")


@dataclass
class Outcome:
    """How a system ended.

    Attributes
    ----------
    status
        Exit status of the command.
    failed
        The part because of which it ended, and how that ended; empty: it was asked to.
    residue
        By account, orders that may still be open.
    """

    status: int = 0
    failed: str = ""
    residue: list[Residue] = field(default_factory=list)


class Supervisor:
    """Keeps the parts of a plan running until it is told to stop or one of them fails for good.

    Parameters
    ----------
    lines
        Where everything is said.
    environment
        Of the parts; each sees the keys in it that its plan names, and no others.
    program
        What ``alp`` is; tests start other things.
    clearing_s, hung_s, begin_s
        See :data:`CLEARING_S`, :data:`HUNG_S` and :data:`BEGIN_S`.

    Attributes
    ----------
    members
        The parts by name.
    """

    def __init__(
        self,
        plan: Plan,
        lines: Lines,
        environment: Mapping[str, str],
        *,
        program: Sequence[str] = PROGRAM,
        clearing_s: float = CLEARING_S,
        hung_s: float = HUNG_S,
        begin_s: float = BEGIN_S,
    ) -> None:
        self.plan = plan
        self.members = {each.name: Member(each) for each in plan.parts}
        self.begun_ns = time.time_ns()
        self._lines = lines
        self._environment = dict(environment)
        self._program = tuple(program)
        self._clearing_s, self._hung_s, self._begin_s = clearing_s, hung_s, begin_s
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._all_ready = asyncio.Event()
        self._asked = 0
        self._guard: Guard | None = None
        self._outcome = Outcome()
        self._cleared: set[str] = set()
        """Accounts of which a watchdog saw that nothing is open."""

    @property
    def stopping(self) -> bool:
        """Whether it ends."""
        return self._stop.is_set()

    @property
    def recent_lines(self) -> list[tuple[int, str]]:
        """The newest lines of all parts, each with its number."""
        return list(self._lines.recent)

    def ask_to_stop(self) -> None:
        """Stop in order; asked again: at once, whatever is open; a third time: kill."""
        self._asked += 1
        if self._asked == 1:
            self._lines.say("stopping in order; interrupt again to hurry")
        elif self._asked == 2:
            self._lines.say("hurrying: nothing is waited for longer than a moment", "warning")
            self._hurry.set()
            for member in self.members.values():
                if member.child is not None and member.part.role is not Role.EXCHANGE:
                    member.told = True
                    member.child.signal(signal.SIGTERM)
        else:
            self._kill_all()
        self._stop.set()

    async def run(self, seconds: float | None = None) -> Outcome:
        """Run until told to stop, for so long from when everything is ready, or until it fails.

        Without a time it may take as long as it wants to be ready: a venue may be closed.

        Raises
        ------
        OSError
            If no process can be started at all.
        """
        longest = max((each.stop_s for each in self.plan.parts), default=0.0)
        self._guard = await Guard.start(longest)
        keeping = [asyncio.create_task(self._keep(each)) for each in self.members.values()]
        work = [asyncio.create_task(self._probe()), asyncio.create_task(self._tell())]
        if seconds is not None:
            work.append(asyncio.create_task(self._end_after(seconds)))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait([stopping, *work], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            await self._stop_all()
            # None of these is cancelled: one may be starting a process, and has to end it.
            await asyncio.wait(keeping)
            for task in (*work, stopping):
                task.cancel()
            await asyncio.gather(*work, stopping, return_exceptions=True)
            await self._guard.close()
        for task in (*keeping, *done):
            task.result()
        return self._concluded()

    # one part

    async def _keep(self, member: Member) -> None:
        """Start a part when what it needs is ready, and again when it ends by itself."""
        try:
            await self._live(member)
        except Exception:
            self._stop.set()
            raise

    async def _live(self, member: Member) -> None:
        await self._until_needs(member)
        while not self._stop.is_set():
            status = await self._one_life(member)
            if self._stop.is_set() and member.told:
                member.ended(status)
                return
            pause_s = member.died(status)
            if pause_s is None:
                self._fail(member, status)
                return
            self._lines.say(
                f"{member.part.name} {how_ended(status)}; it is started again in {pause_s:g} s",
                "warning",
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause_s)

    async def _until_needs(self, member: Member) -> None:
        needs = [self.members[each] for each in member.part.needs]
        while not self._stop.is_set() and not all(each.ready for each in needs):
            await asyncio.sleep(PROBE_S / 5)

    async def _one_life(self, member: Member) -> int:
        part = member.part
        try:
            child = await Child.start(
                [*self._program, *part.command],
                self._environment_of(part),
                lambda text: self._lines.said(part.name, text),
            )
        except OSError as error:
            self._lines.say(f"{part.name} cannot be started: {error.strerror}", "error")
            member.began_s = time.monotonic()
            return int(ExitCode.FILE_SYSTEM)
        assert self._guard is not None
        self._guard.add(child.pid)
        if self._stop.is_set():
            # It has done nothing yet, and nobody will ask it to stop any more.
            member.told = True
            child.signal(signal.SIGKILL)
            await child.ended()
            self._guard.remove(child.pid)
            return 0
        member.begun(child)
        self._lines.say(f"{part.name} started, process {child.pid}")
        try:
            return await child.ended()
        finally:
            self._note_last_words(member, child)
            self._guard.remove(child.pid)

    def _note_last_words(self, member: Member, child: Child) -> None:
        if member.part.role is Role.HANDLER and child.status is not None and member.answered:
            found = residue_of(member.part, child.status, list(child.last))
            self._outcome.residue = [
                each for each in self._outcome.residue if each.account != member.part.account
            ]
            if found is not None:
                self._outcome.residue.append(found)
            self._cleared.discard(member.part.account)

    def _environment_of(self, part: Part) -> dict[str, str]:
        """Return what a part may see: of all keys only its own."""
        return {
            name: value
            for name, value in self._environment.items()
            if name in part.environment or not KEYS.fullmatch(name)
        }

    def _fail(self, member: Member, status: int) -> None:
        name = member.part.name
        often = f" for the {member.starts}. time" if member.starts > 1 else ""
        self._lines.say(f"{name} {how_ended(status)}{often}: everything is stopped", "error")
        if not self._outcome.failed:
            self._outcome.failed = f"{name} {how_ended(status)}"
            self._outcome.status = _status_of(status)
        self._stop.set()

    # all of them

    async def _probe(self) -> None:
        """Ask every part how it is, again and again; end what does not answer any more."""
        async with Probes() as probes:
            while True:
                running = [each for each in self.members.values() if each.stage.runs]
                answers = await asyncio.gather(*(probes.ask(each.part) for each in running))
                for member, answer in zip(running, answers, strict=True):
                    self._heard(member, answer)
                if all(each.ready for each in self.members.values()):
                    if not self._all_ready.is_set():
                        self._lines.say("everything is ready")
                    self._all_ready.set()
                await asyncio.sleep(PROBE_S)

    def _heard(self, member: Member, answer: tuple[bool, dict[str, object]] | None) -> None:
        name = member.part.name
        if answer is not None:
            if member.heard(*answer):
                self._lines.say(f"{name} is {member.why_not}")
            return
        silent_s = time.monotonic() - member.answered_s
        hung = member.stage in (Stage.READY, Stage.UNREADY) and silent_s > self._hung_s
        if hung and member.child is not None:
            self._lines.say(f"{name} has not answered for {silent_s:.0f} s: killed", "error")
            member.answered_s = time.monotonic()
            member.child.signal(signal.SIGKILL)

    async def _tell(self) -> None:
        """Say now and then what is waited for."""
        while True:
            await asyncio.sleep(PATIENCE_S)
            for name, member in self.members.items():
                begun = member.stage.runs and time.monotonic() - member.began_s > PATIENCE_S
                if begun and not member.ready and not self.stopping:
                    self._lines.say(f"{name} is {member.why_not}", "warning")

    async def _end_after(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._all_ready.wait(), self._begin_s)
        except TimeoutError:
            late = next(name for name, each in self.members.items() if not each.ready)
            self._outcome.failed = f"{late} was not ready within {self._begin_s:g} s"
            self._outcome.status = int(ExitCode.UNAVAILABLE)
            self._lines.say(f"{self._outcome.failed}: everything is stopped", "error")
            return
        await asyncio.sleep(seconds)
        self._lines.say(f"{seconds:g} s are over: stopping in order")

    # the end

    async def _stop_all(self) -> None:
        for group in self.plan.stopping():
            members = [self.members[each.name] for each in group]
            if group[0].role is Role.WATCHDOG:
                await asyncio.gather(*(self._wait_until_cleared(each) for each in members))
            await asyncio.gather(*(self._stop_one(each) for each in members))

    async def _stop_one(self, member: Member) -> None:
        child = member.child
        if child is None or child.status is not None:
            if member.stage is not Stage.FAILED:
                member.stage = Stage.ENDED
            return
        member.told = True
        member.stage = Stage.STOPPING
        child.signal(signal.SIGTERM)
        ended = asyncio.create_task(child.ended())
        hurry = asyncio.create_task(self._hurry.wait())
        try:
            await asyncio.wait(
                [ended, hurry], timeout=member.part.stop_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not ended.done() and self._hurry.is_set():
                await asyncio.wait([ended], timeout=min(HURRY_S, member.part.stop_s))
            if not ended.done():
                self._lines.say(f"{member.part.name} does not stop: killed", "error")
                child.signal(signal.SIGKILL)
            member.ended(await ended)
            self._note_last_words(member, child)
        finally:
            hurry.cancel()
        self._lines.say(f"{member.part.name} {how_ended(member.status or 0)}")

    async def _wait_until_cleared(self, watchdog: Member) -> None:
        """Let a watchdog cancel what a handler may have left that did not end well."""
        account = watchdog.part.account
        if all(each.account != account for each in self._outcome.residue):
            return
        self._lines.say(f"{watchdog.part.name} shall cancel what {account} has open", "warning")
        end = time.monotonic() + self._clearing_s
        lists_before: int | None = None
        while time.monotonic() < end and not self._hurry.is_set():
            said = watchdog.detail if watchdog.stage.runs else {}
            lists_before, saw_none = watchdog_saw_none(said, watchdog.reasons, lists_before)
            if saw_none:
                self._lines.say(f"{watchdog.part.name}: nothing of {account} is open")
                self._cleared.add(account)
                return
            await asyncio.sleep(PROBE_S)

    def _kill_all(self) -> None:
        for member in self.members.values():
            if member.child is not None:
                member.child.signal(signal.SIGKILL)

    def _concluded(self) -> Outcome:
        found = self._outcome
        found.residue = [each for each in found.residue if each.account not in self._cleared]
        if found.residue:
            found.status = int(ExitCode.RESIDUE)
        elif not found.status:
            found.status = max((self._bad_end(each) for each in self.members.values()), default=0)
        return found

    def _bad_end(self, member: Member) -> int:
        """Return the exit status for a part that was asked to stop and did not end well."""
        if not member.told or member.status is None or member.part.account in self._cleared:
            return 0
        return 0 if member.status in ASKED else _status_of(member.status)


def _status_of(status: int) -> int:
    """Return a part's exit status if it means the same for the whole."""
    known = {int(each) for each in ExitCode} - {int(ExitCode.OK), int(ExitCode.INTERRUPTED)}
    return status if status in known else int(ExitCode.UNEXPECTED)
