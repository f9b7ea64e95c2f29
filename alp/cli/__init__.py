"""The ``alp`` command: this module answers ``alp --help`` and hands everything else to click.

Only what a bare interpreter has already loaded may be imported here, so that help and version
come at once; click, and the libraries behind each command, are imported when they are needed.
"""

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process and exit with its :class:`alp.errors.ExitCode`."""
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]) and "_ALP_COMPLETE" not in os.environ:
        from alp.cli.commands import help_text

        _say(help_text())
    elif arguments in (["--version"], ["-V"]):
        from alp._version import __version__

        _say(f"alp {__version__}\n")
    else:
        _spare_start()
        from alp.cli.app import root

        root.main(arguments, prog_name="alp")


def _spare_start() -> None:
    """Tell libraries, before they are imported, what this program does not need of them."""
    # It multiplies no matrices, and numpy's idle threads for that wait by spinning: on a short run
    # they cost as much as the run.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Its models have no plugins; to look for some means reading what every package declares.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _say(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        from alp.cli.outcome import silence_broken_pipe

        sys.exit(silence_broken_pipe())
