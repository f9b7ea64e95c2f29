"""A plan as a running system: files, signals, the page about it, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from alp.errors import ConfigError
from alp.observe.loop import LoopWatch
from alp.services.tasks import obeying_signals
from alp.system.lines import Lines, secrets_of
from alp.system.page import alone, announced, make_page
from alp.system.parts import Plan
from alp.system.supervisor import PROGRAM, Outcome, Supervisor

FOLDER_MODE = 0o700


def serve(
    plan: Plan,
    sockets: Path,
    *,
    seconds: float | None = None,
    json_logs: bool = False,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
    begun: Callable[[str], object] = lambda _: None,
) -> Outcome:
    """Run a system in this process and its children until it ends.

    Parameters
    ----------
    sockets
        Folder that this system holds alone.
    seconds
        From when everything is ready; None: until it is told to stop.
    begun
        Is told where the page about the whole is.

    Raises
    ------
    ConfigError
        If it runs already, or its page cannot be served.
    OSError
        If a file or a folder cannot be made.
    """
    given = dict(os.environ if environment is None else environment)
    descriptor = os.dup(2)
    width = max((len(each.name) for each in plan.parts), default=0)
    try:
        with (
            alone(sockets, plan.strategy),
            Lines(descriptor, as_json=json_logs, secrets=secrets_of(given), width=width) as lines,
        ):
            write_files(plan)
            supervisor = Supervisor(plan, lines, given, program=program)
            outcome = asyncio.run(_serve(supervisor, sockets, seconds, begun))
            if lines.dropped:
                lines.say(f"{lines.dropped} lines could not be written", "warning")
            return outcome
    finally:
        os.close(descriptor)


async def _serve(
    supervisor: Supervisor, sockets: Path, seconds: float | None, begun: Callable[[str], object]
) -> Outcome:
    watch = LoopWatch()
    async with contextlib.AsyncExitStack() as stack:
        stop = supervisor.ask_to_stop
        stack.enter_context(obeying_signals(stop, SIGHUP=stop))
        web = await stack.enter_async_context(make_page(supervisor, watch))
        stack.enter_context(announced(sockets, web, supervisor))
        watching = asyncio.create_task(watch.run())
        stack.callback(watching.cancel)
        begun(f"http://{supervisor.plan.page.rpartition(':')[0]}:{web.port}")
        return await supervisor.run(seconds)


def write_files(plan: Plan) -> None:
    """Make the folders of a plan, and write its manifest where it is not a person's own.

    Raises
    ------
    ConfigError
        If there is no place for it.
    """
    try:
        for folder in plan.folders:
            Path(folder).mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        if plan.written is not None:
            Path(plan.manifest).write_text(plan.written, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: no place for the state: {error.strerror}",
            hint="name a folder that this user may write: --state FOLDER",
        ) from error
