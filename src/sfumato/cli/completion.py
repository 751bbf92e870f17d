"""`sfumato completion`: let the shell complete commands and options."""

from __future__ import annotations

import click

__all__ = ["command"]

EPILOG = """\b
Examples:
  sfumato completion bash >> ~/.bashrc
  sfumato completion zsh >> ~/.zshrc
  sfumato completion fish > ~/.config/fish/completions/sfumato.fish
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what a shell needs to complete commands."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "sfumato", "_SFUMATO_COMPLETE").source())
