"""How a command line ends: every exception becomes a message on stderr and an exit code.

What alp foresaw is told in its own words without a traceback. What it did not foresee is told in
one line, with the way to see more. An interrupt is an answer, not a failure.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from alp.errors import AlpError, ExitCode


def exit_status(
    command: click.Command, args: Sequence[str] | None, prog_name: str, extra: Mapping[str, Any]
) -> int:
    """Run ``command`` and return the exit status of the process.

    Parameters
    ----------
    args
        The command line after the program's name; None for this process's own.
    extra
        Further arguments of the click context.
    """
    arguments = list(sys.argv[1:] if args is None else args)
    instruction = os.environ.get("_ALP_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(command, dict(extra), prog_name, "_ALP_COMPLETE", instruction)
    try:
        with _sigterm_interrupts():
            code = _run(command, arguments, prog_name, extra)
            sys.stdout.flush()
    except BrokenPipeError:
        return silence_broken_pipe()
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted")
        return ExitCode.INTERRUPTED
    return code


def _run(
    command: click.Command, arguments: list[str], prog_name: str, extra: Mapping[str, Any]
) -> int:
    debug = "--debug" in arguments or os.environ.get("ALP_DEBUG", "") not in ("", "0")
    try:
        with command.make_context(prog_name, arguments.copy(), **extra) as context:
            command.invoke(context)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except AlpError as error:
        if debug:
            _print_traceback()
        _tell(str(error), error.hint)
        return error.exit_code
    except (BrokenPipeError, click.Abort):
        raise
    except OSError as error:
        if debug:
            _print_traceback()
        _tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return ExitCode.FILE_SYSTEM
    except Exception as error:
        if debug:
            _print_traceback()
        # The command line is not repeated: an RPC endpoint in it may carry a key.
        _tell(
            f"unexpected {type(error).__name__}: {error}",
            None if debug else "set ALP_DEBUG=1 and run it again to see the traceback",
        )
        return ExitCode.UNEXPECTED
    return ExitCode.OK


def silence_broken_pipe() -> int:
    """Point stdout at nothing, so that the interpreter's own flush stays quiet, and say 141."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)
    return int(ExitCode.BROKEN_PIPE)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C while a command runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _tell(message: str, hint: str | None = None) -> None:
    click.echo(f"alp: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
