"""The command line: one verb, one file in this package, imported only when it is asked for.

A verb's file (its package, if it has verbs of its own) is named after it and holds a click command called `command`.
Exit codes are an interface: 0 and 1 are the two answers of a verb, 2 is an error of use or input, said in one message
on stderr without a traceback, 130 is an interrupted command (Ctrl-C).
"""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from pathlib import Path

import click

from mtls_tui import __version__
from mtls_tui.cli.errors import InputError

VERBS: dict[str, str] = {
    "ui": "open the terminal UI on a rule file",
    "demo": "make a workspace, open the UI on it or run the tour",
    "check": "parse, type-check and lint rule files",
    "prove": "can anyone pass without a certificate, do the stated properties hold",
    "diff": "what a change of rules means, for a review",
    "fmt": "rewrite expressions in canonical form",
    "eval": "evaluate one expression",
    "simulate": "what one request would get, and why",
    "test": "run the tests of a rule file",
    "replay": "what a log's requests would get",
    "export": "write the bundle that the engine runs",
    "convert": "rules to and from Cloudflare and Terraform",
    "serve": "run the gateway on a bundle",
    "authz": "run the decision service alone, for other proxies",
    "certs": "run a certificate authority for clients",
}
"""Every verb with its line of help, in the order of `--help`."""


class Verbs(click.Group):
    """A group that imports a verb's file only when the verb is used, so that `--help` and small verbs start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `mtls_tui.cli.<verb>` and give its `command`."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"mtls_tui.cli.{module_of(cmd_name)}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their help, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; an interrupted one ends with 128 + SIGINT, as a shell has it: click's 1 is a verdict here."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nInterrupted.", err=True)
            ctx.exit(130)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """`mtls-tui FILE` is `mtls-tui ui FILE`."""
        if args and args[0] not in VERBS and (args[0].endswith(".toml") or Path(args[0]).exists()):
            args = ["ui", *args]
        elif args and not args[0].startswith("-") and args[0] not in VERBS:
            near = get_close_matches(args[0], VERBS, n=1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)


def module_of(verb: str) -> str:
    """The module that holds a verb; `eval` and `test` get a tail so as not to shadow a builtin or look like a test."""
    return {"eval": "eval_", "test": "test_"}.get(verb, verb)


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
)
@click.version_option(__version__, prog_name="mtls-tui")
@click.pass_context
def group(ctx: click.Context) -> None:
    """Author, simulate, prove, deploy and enforce mutual-TLS access rules in the Cloudflare Rules language.

    `mtls-tui FILE` opens the terminal UI on a rule file; without a file, on the last one.
    """
    if ctx.invoked_subcommand is None:
        command = group.get_command(ctx, "ui")
        assert command is not None
        ctx.invoke(command)


def main() -> None:
    """The console script."""
    try:
        group(prog_name="mtls-tui")
    except InputError as error:
        click.echo(f"mtls-tui: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        # Verbs name the files that they can't use; what is left is the output itself, such as a full disk.
        what = error.filename if error.filename is not None else "the output can't be written"
        click.echo(f"mtls-tui: {what}: {error.strerror or error}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered would fail again at the very end
        sys.exit(2)
