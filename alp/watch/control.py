"""What a person may do from the view: pause, kill, and take either back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq.asyncio

from alp._core.wire import GateMessage, HeaderFields, encode
from alp.bus.commands import CommandClient
from alp.bus.sources import Source
from alp.errors import ConfigError
from alp.services.execution.kill_switch import KillSwitch

ANSWER_S = 1.0
TIMES = 2
WHY = "paused from the terminal view"


async def pause(parts: Sequence[Mapping[str, Any]], *, paused: bool) -> list[str]:
    """Ask the handlers to let nothing be added, or to do so again; return what each answered.

    Nothing is latched and no file is written: a handler that starts anew is not paused.
    """
    context = zmq.asyncio.Context()
    try:
        asked = [
            _ask(context, str(each["name"]), str(each["sockets"]["commands"]), paused=paused)
            for each in parts
            if "commands" in each["sockets"]
        ]
        return list(await asyncio.gather(*asked))
    finally:
        context.destroy(linger=0)


async def _ask(context: zmq.asyncio.Context, name: str, endpoint: str, *, paused: bool) -> str:
    wanted = GateMessage(
        HeaderFields(Source.RISK, 0, 1, 0, 0), paused, False, 0, WHY if paused else ""
    )
    with CommandClient(context, endpoint) as client:
        try:
            answer = await client.ask(encode(wanted), timeout_s=ANSWER_S, times=TIMES)
        except TimeoutError:
            return f"{name} does not answer"
    if not isinstance(answer, GateMessage):
        return f"{name} answers something else"
    if answer.closed == paused:
        return f"{name} is {'paused' if paused else 'no longer paused'}"
    if paused:
        return f"{name} cannot be paused: it goes on; k kills"
    return f"{name} stays closed: {answer.text}" if answer.text else f"{name} stays closed"


def kill(state: str | None, reason: str) -> str:
    """Set the kill switch in a system's folder of state; return what is to be said.

    Raises
    ------
    ConfigError
        If the folder is not on this machine, or the file cannot be made.
    """
    switch = _switch(state)
    switch.set(reason)
    return f"killed: {switch.path}"


def release(state: str | None) -> str:
    """Take the kill switch back; return what is to be said.

    Raises
    ------
    ConfigError
        If the folder is not on this machine, or the file cannot be removed.
    """
    switch = _switch(state)
    return f"released: {switch.path}" if switch.release() else f"it was not set: {switch.path}"


def _switch(state: str | None) -> KillSwitch:
    if not state or not Path(state).is_dir():
        raise ConfigError(
            f"the system's folder of state is not here: {state or 'not known yet'}",
            hint="`alp kill` on the machine where it runs",
        )
    return KillSwitch(Path(state))
