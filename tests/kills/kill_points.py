"""Named points of the execution handler at which it kills itself, as no signal from outside could.

The product has no hooks for this: its methods are wrapped in the process that shall die.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from alp.journal.journal import Journal
from alp.services.execution.account import Account
from alp.services.execution.bus import ExecBus
from alp.services.execution.resting import Resting
from alp.venues.account.session import AccountSession
from alp.venues.orders import Action


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead")


class Countdown:
    """Dies at the n-th pass."""

    def __init__(self, passes: int) -> None:
        self.left = passes

    def __call__(self) -> None:
        self.left -= 1
        if self.left <= 0:
            die()


def before_durable(count: Countdown) -> None:
    """F01: the intent is appended and not on the disk."""
    durable = Journal.durable

    async def patched(self: Journal, sequence: int) -> None:
        count()
        await durable(self, sequence)

    Journal.durable = patched  # type: ignore[method-assign]


def before_send(count: Countdown) -> None:
    """F02: the intent is durable, and nothing was sent."""
    send = AccountSession.send

    def patched(self: AccountSession, commands: Any) -> None:
        count()
        send(self, commands)

    AccountSession.send = patched  # type: ignore[method-assign]


def after_send(action: Action) -> Callable[[Countdown], None]:
    """F03: it was sent, and its answer was not read."""

    def install(count: Countdown) -> None:
        send = AccountSession.send

        def patched(self: AccountSession, commands: Any) -> None:
            send(self, commands)
            if commands[0].action is action:
                # One turn of the loop: what was written is on its way, no answer is taken.
                asyncio.get_running_loop().call_soon(count)

        AccountSession.send = patched  # type: ignore[method-assign]

    return install


def before_report(count: Countdown) -> None:
    """F04: a fill was heard and taken in, and nobody was told."""
    report = ExecBus.report

    def patched(self: ExecBus, message: Any) -> None:
        if message.last_quantity:
            count()
        report(self, message)

    ExecBus.report = patched  # type: ignore[method-assign]


def after_report(count: Countdown) -> None:
    """F04: a fill was told to everybody, and what the journal has of it is not durable."""
    report = ExecBus.report

    def patched(self: ExecBus, message: Any) -> None:
        report(self, message)
        if message.last_quantity:
            asyncio.get_running_loop().call_later(0.002, count)

    ExecBus.report = patched  # type: ignore[method-assign]


def while_stopping(count: Countdown) -> None:
    """F05: in the middle of cancelling everything."""
    cancel = Resting.cancel_everything

    async def patched(self: Resting, within_ns: int) -> Any:
        send = AccountSession.send

        def sent(session: AccountSession, commands: Any) -> None:
            send(session, commands[:1])
            asyncio.get_running_loop().call_soon(count)

        AccountSession.send = sent  # type: ignore[method-assign]
        return await cancel(self, within_ns)

    Resting.cancel_everything = patched  # type: ignore[method-assign]


def while_starting(count: Countdown) -> None:
    """While the venue is read after a start."""
    heard = Account.heard_report

    def patched(self: Account, report: Any) -> None:
        count()
        heard(self, report)

    Account.heard_report = patched  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Countdown], None]] = {
    "F01 before the intent is durable": before_durable,
    "F02 before it is sent": before_send,
    "F03 after a new order was sent": after_send(Action.NEW),
    "F03 after an amend was sent": after_send(Action.AMEND),
    "F03 after a cancel was sent": after_send(Action.CANCEL),
    "F04 before a fill is told": before_report,
    "F04 after a fill was told": after_report,
    "F05 while everything is cancelled": while_stopping,
    "while the account is read": while_starting,
}


def install(point: str, passes: int) -> None:
    """Let this process die when it comes by a point for the n-th time."""
    POINTS[point](Countdown(passes))
