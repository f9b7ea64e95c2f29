"""The life of a component: its parts run until it is told to stop, or until one of them fails."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager

from alp.errors import AlpError

logger = logging.getLogger(__name__)


def first_cause(failures: Sequence[Exception]) -> Exception:
    """Return what went wrong first, out of the groups that tasks wrap it in."""
    failure = failures[0]
    while isinstance(failure, ExceptionGroup):
        known = [each for each in failure.exceptions if isinstance(each, AlpError)]
        failure = (known or failure.exceptions)[0]
    return failure


@contextmanager
def obeying_signals(stop: Callable[[], object], **others: Callable[[], object]) -> Iterator[None]:
    """Stop at SIGTERM and SIGINT, and do what `others` say by the names of their signals."""
    loop = asyncio.get_running_loop()
    wanted: Mapping[str, Callable[[], object]] = {"SIGTERM": stop, "SIGINT": stop, **others}
    numbers = [getattr(signal, name) for name in wanted]
    for number, name in zip(numbers, wanted, strict=True):
        loop.add_signal_handler(number, wanted[name])
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_parts(stop: asyncio.Event, *parts: Coroutine[None, None, None]) -> None:
    """Run the parts of a component until it is told to stop, or one of them ends.

    Raises
    ------
    Exception
        What ended a part: the first cause, once all parts have ended.
    """
    tasks = [asyncio.create_task(part) for part in parts]
    tasks.append(asyncio.create_task(_until(stop)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        logger.info("stopping")
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [each for each in ended if isinstance(each, Exception)]
    if failures:
        raise first_cause(failures)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
