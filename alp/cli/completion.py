"""``alp completion``: the script that teaches a shell the commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from alp.cli.lazy import Command

PLACES = {
    "bash": 'eval "$(alp completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(alp completion zsh)"    # in ~/.zshrc',
    "fish": "alp completion fish | source    # in ~/.config/fish/config.fish",
}


@click.command(
    cls=Command,
    examples={
        'eval "$(alp completion bash)"': "complete in this shell; put the line into ~/.bashrc",
        "alp completion fish | source": "the same for fish",
    },
)
@click.argument("shell", type=click.Choice(tuple(PLACES)))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete alp's commands, options and file names.

    Nothing is written to your files: the line for your shell's start-up file is in the first line
    of the script.
    """
    from alp.cli.app import root

    shell_class = get_completion_class(shell)
    assert shell_class is not None
    script = shell_class(root, {}, "alp", "_ALP_COMPLETE").source()
    click.echo(f"# {PLACES[shell]}\n{script}")
