"""Commands as a user types them, and whether the docs type them right."""

from __future__ import annotations

import shlex
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from embedworks.cli.main import app


def output_of(commands: Any, *arguments: str) -> str:
    """What a command prints that ends well; what it raised is raised here."""
    result = CliRunner().invoke(commands, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return str(result.output)


def unknown_options(line: str) -> set[str]:
    """Options of a line of the shell, ``embedworks ...``, that its command does not have."""
    command: Any
    command, rest = get_command(app), shlex.split(line)[1:]
    while rest and hasattr(command, "commands") and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    if hasattr(command, "commands"):  # `serve SOURCE` is `serve deploy SOURCE`
        command = command.commands["deploy"]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return {word for word in rest if word.startswith("--")} - known
