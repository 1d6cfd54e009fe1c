"""`mtls-tui replay`: what a log's requests would get, and who would be newly blocked or let in. 0 done, 2 error."""

from __future__ import annotations

import os
import sys
from time import monotonic

import click
import msgspec

from mtls_tui.cli.errors import as_input_error
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.formats import FORMATS
from mtls_tui.simulate.logs.source import open_log
from mtls_tui.simulate.policies import load_policy
from mtls_tui.simulate.replay.report import kind_of, replay_data, replay_text
from mtls_tui.simulate.replay.run import replay
from mtls_tui.simulate.style import style_for
from mtls_tui.simulate.values import assignment


@click.command(name="replay")
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("log", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--against", metavar="FILE", help="The rules that run today: tell who would be newly blocked or let in.")
@click.option("--format", "name", type=click.Choice(FORMATS), default="auto", help="The log's format (default: seen).")
@click.option("--template", help="An nginx log_format or Envoy format string that wrote the log.")
@click.option("--map", "mappings", multiple=True, metavar="FIELD=KEY",
              help="The JSON key (outer.inner) of a field, or of host, target, method, ip, verify, …")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="A field's value for every line.")
@click.option(
    "--jobs", type=click.IntRange(min=0), default=1, show_default=True, help="Processes; 0: one for each core."
)
@click.option("--exit-code", is_flag=True, help="With --against: exit with 1 when somebody is newly blocked or let in.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
@as_input_error(RequestError)
def command(
    file: str, log: str, against: str | None, name: str, template: str | None, mappings: tuple[str, ...],
    settings: tuple[str, ...], jobs: int, exit_code: bool, as_json: bool, quiet: bool, color: bool | None,
) -> None:  # fmt: skip
    """What the requests of LOG would get under FILE (a rule file or a bundle). LOG may be gzip, or - for stdin.

    What the log does not tell is unknown, and a verdict that depends on it is unknown, never allowed.
    """
    jobs = jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or os.cpu_count() or 1
    loaded = load_policy(file)
    other = load_policy(against) if against is not None else None
    mapping = [_pair(text) for text in mappings]
    fixed = dict(assignment(text) for text in settings)
    source = open_log(log)
    bar = _Bar(quiet or not sys.stderr.isatty())
    try:
        result = replay(
            loaded.bundle, source, against=other.bundle if other else None, format=name, template=template,
            mapping=mapping, fixed=fixed, jobs=jobs, progress=bar,
        )  # fmt: skip
    finally:
        bar.clear()
    if as_json:
        encoded = msgspec.json.encode(replay_data(result, name=log, file=file, against=against))
        click.echo(msgspec.json.format(encoded))
    else:
        style = style_for(sys.stdout, color=color)
        text = replay_text(result, style, name=source.name, file=file, against=against, jobs=jobs)
        click.echo(text, nl=False, color=True)
    changed = any(kind_of(before, after).startswith("newly") for _, before, after in result.groups)
    sys.exit(1 if exit_code and changed else 0)


def _pair(text: str) -> tuple[str, str]:
    part, equals, key = text.partition("=")
    if not equals or not part or not key:
        raise RequestError(f"`{text}` is not a mapping; write it as FIELD=KEY, such as --map host=request.host")
    return part.strip(), key


class _Bar:
    """One line on stderr: how far, how fast, how long yet."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent
        self.begin = self.last = monotonic()
        self.shown = False

    def __call__(self, read: int, size: int | None, lines: int) -> None:
        """Draw, at most five times a second."""
        now = monotonic()
        if self.silent or now - self.last < 0.2:
            return
        self.last = now
        seconds = now - self.begin
        rate = lines / seconds
        text = f"{lines:,} lines  {rate:,.0f}/s"
        if size:
            share = min(1.0, read / size)
            filled = int(24 * share)
            left = seconds / share - seconds if share else 0
            bar = "█" * filled + "░" * (24 - filled)
            text = f"{bar} {100 * share:3.0f} %  {text}  {int(left) // 60}:{int(left) % 60:02d} left"
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
        self.shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
