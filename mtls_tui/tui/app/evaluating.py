"""Computes the verdict in a worker thread and, once the typing has paused, what would turn it around.

One run at a time; the newest content wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from mtls_tui.tui.app.effects import Evaluated
from mtls_tui.tui.findings.linting import lint_soon
from mtls_tui.tui.properties.proving import prove_soon
from mtls_tui.tui.registry.effects import EvaluateAgain, Host, Timer, handles
from mtls_tui.tui.simulator.secrets import Secrets
from mtls_tui.tui.state.content import Content
from mtls_tui.tui.state.results import Results

FLIP_DELAY_S = 0.25
"""Quiet time before the search for what would turn the verdict around: it costs hundreds of decisions."""

SLOW_S = 0.04
"""A verdict that takes longer waits for a pause in the typing."""
MOST_DELAY_S = 0.4
"""The longest wait for such a pause."""


@dataclass
class Evaluating:
    """What is under way, how long the last run took, and of which content and rule it was."""

    of: tuple[Content, str] | None = None
    running: bool = False
    timer: Timer | None = None
    took_s: float = 0.0
    flip_timer: Timer | None = None
    flipping: bool = False

    @property
    def busy(self) -> bool:
        """True while a computation runs or is scheduled."""
        return self.running or self.flipping or self.timer is not None or self.flip_timer is not None


def evaluate_soon(host: Host) -> None:
    """Start computing the verdict if what it depends on has changed."""
    state, content, rule = host.kept(Evaluating), host.document.content, host.document.view.rule
    if state.of is not None and state.of[0] is content and state.of[1] == rule:
        return
    if state.running or state.timer is not None:
        return
    if state.took_s > SLOW_S:
        # A large rule: the next key must not wait for the last one's verdict.
        state.timer = host.after(min(MOST_DELAY_S, 2 * state.took_s), lambda: _evaluate(host))
    else:
        _evaluate(host)


def _evaluate(host: Host) -> None:
    state, document = host.kept(Evaluating), host.document
    content, rule = document.content, document.view.rule
    state.timer, state.running, state.of = None, True, (content, rule)

    def job() -> None:
        from mtls_tui.tui.app.evaluate import evaluate

        begin = monotonic()
        results = evaluate(content, rule, document.saved, host.kept(Secrets))
        host.post("results.arrived", results=results, took_s=monotonic() - begin)

    host.in_thread(job, "evaluate")


@handles(Evaluated)
def _evaluated(effect: Evaluated, host: Host) -> None:
    state = host.kept(Evaluating)
    state.running, state.took_s = False, effect.took_s
    evaluate_soon(host)
    lint_soon(host)
    prove_soon(host)
    shown = host.document.results
    if not state.running and shown is not None and shown.verdict is not None:
        if state.flip_timer is not None:
            state.flip_timer.stop()
        state.flip_timer = host.after(FLIP_DELAY_S, lambda: _search_flips(host, shown))


def _search_flips(host: Host, results: Results) -> None:
    state = host.kept(Evaluating)
    state.flip_timer = None
    if host.document.results is not results:
        return
    state.flipping = True

    def job() -> None:
        from mtls_tui.tui.app.evaluate import flips

        host.post("results.flips", results=results, found=flips(results.content, host.kept(Secrets)))
        state.flipping = False

    host.in_thread(job, "flips")


@handles(EvaluateAgain)
def _evaluate_again(_: EvaluateAgain, host: Host) -> None:
    host.kept(Evaluating).of = None
    evaluate_soon(host)
