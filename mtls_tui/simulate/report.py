"""A simulation for the terminal: verdict, rule, expression with values, certificate, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.engine.trace import Step, Trace
from mtls_tui.lang import ast
from mtls_tui.lang.tree import Path
from mtls_tui.search.changes import Turnaround
from mtls_tui.simulate.certificate_facts import moment
from mtls_tui.simulate.requests.message import url_of
from mtls_tui.simulate.simulation import RuleView, Simulation
from mtls_tui.simulate.style import Style, columns, padded, safe
from mtls_tui.simulate.tree_lines import TreeLine, tree_lines
from mtls_tui.simulate.wording import certificate_line, change_text, headline, seen_text

MARKS = {"true": "✓", "false": "✗", "not reached": "–", "unknown": "?", "elements": "·"}
_COLORS = {"true": ("green",), "false": ("red",), "not reached": ("dim",), "unknown": ("yellow",), "elements": ("dim",)}
MAX_RULES = 12
"""Rules that are listed without `--explain`."""


def report(simulation: Simulation, style: Style, *, explain: bool = False) -> str:
    """The whole report. `explain` shows the expression of every rule that was evaluated, not only the deciding one."""
    sections = [_request(simulation, style), _verdict(simulation, style)]
    if simulation.rules:
        sections.append(_rules(simulation, style, explain))
    sections.extend(_expressions(simulation, style, explain))
    sections.append(_certificate(simulation, style))
    sections.append(_changes(simulation, style))
    return "\n\n".join(section for section in sections if section) + "\n"


def expression_tree(trace: Trace, style: Style) -> str:
    """The expression as a tree, a mark and the values seen beside each clause."""
    lines = [
        (line, _step(trace, line.path), _step(trace, line.inner))
        for line in tree_lines(trace.expression.root, lambda _, path: _clause(_step(trace, path)))
    ]
    longest = max(columns(line.rail + line.text) for line, _, _ in lines)
    # Long clauses keep their place; their mark then stands right behind them.
    stop = min(longest, max(30, style.width * 3 // 5))
    return "\n".join(_marked(line, step, inner, stop, style) for line, step, inner in lines)


def _step(trace: Trace, path: Path) -> Step:
    step = trace.at(path)
    assert step is not None
    return step


def _clause(step: Step) -> str:
    return safe(" ".join(step.text.split()))


def _marked(line: TreeLine, step: Step, inner: Step, stop: int, style: Style) -> str:
    mark, decisive = step.mark, inner.decisive
    pad = " " * max(0, stop - columns(line.rail + line.text))
    names = ("dim",) if mark == "not reached" else ("bold",) if decisive else ()
    text = f"  {style(line.rail, 'dim')}{style(line.text, *names)}{pad}  {style(MARKS[mark], *_COLORS[mark])}"
    if mark == "not reached" or isinstance(line.node, ast.Logical):
        return text
    if seen := seen_text(inner):
        text += f"  {style(seen, 'dim')}"
    return text + style("  ◂ decides", "cyan") if decisive else text


def _request(simulation: Simulation, style: Style) -> str:
    http = simulation.http
    lines = [style(f"{safe(http.method)} {safe(url_of(http), 400)}", "bold")]
    about = [f"from {http.client_ip}", safe(http.http_version), f"at {moment(simulation.scenario.at)}"]
    if http.overrides:
        about.append("set by hand: " + ", ".join(safe(name) for name in http.overrides))
    lines.append(style(style.wrapped(" · ".join(about), "  "), "dim"))
    return "\n".join(lines)


def _verdict(simulation: Simulation, style: Style) -> str:
    decision = simulation.decision
    sign, color = ("□", "green") if simulation.allowed else ("■", "red")
    lines = [style(f"{sign} {headline(simulation)}", "bold", color)]
    if decision.rule is not None and decision.rule.description:
        lines.append(style.wrapped(safe(decision.rule.description), "  "))
    lines.extend(style.wrapped(f"because {reason}", "    ", "  ") for reason in _reasons(simulation))
    if decision.action == "block" and decision.rule is not None and decision.rule.response is not None:
        response = decision.rule.response
        answer = f"the client gets {response.status} {response.content_type}"
        if response.body:
            answer += f": {safe(response.body, 100)}"
        lines.append(style(style.wrapped(answer, "    ", "  "), "dim"))
    return "\n".join(lines)


def _reasons(simulation: Simulation) -> list[str]:
    deciding = simulation.deciding
    if deciding is None or deciding.course != "decided":
        return []
    clauses = []
    for step in deciding.trace.reasons:
        text = _clause(step)
        if isinstance(step.value, bool):
            clauses.append(f"{text} is {'true' if step.value else 'false'}")
    about_certificate = any(
        name.startswith("cf.tls_client_auth.") for step in deciding.trace.reasons for name in step.seen
    )
    error = simulation.verification.error
    reasons = [safe(str(error))] if about_certificate and error is not None and simulation.mtls else []
    return [*reasons, ", and ".join(clauses)] if clauses else reasons


def _rules(simulation: Simulation, style: Style, explain: bool) -> str:
    views = list(simulation.rules)
    left_out = 0
    if not explain and len(views) > MAX_RULES:
        interesting = [view for view in views if view.course not in ("no match", "not reached", "disabled")]
        left_out = len(views) - len(interesting)
        views = interesting
    width = max((columns(safe(view.rule.ref)) for view in views), default=0)
    action = max((len(view.rule.action) for view in views), default=0)
    number = len(str(len(simulation.rules)))
    lines = [style.title("Rules")]
    for view in views:
        mark = _rule_mark(view)
        names = ("dim",) if view.course in ("not reached", "disabled") else ()
        ref = padded(safe(view.rule.ref), width)
        what = f"{view.position:>{number}} {ref}  {view.rule.action:<{action}}  {view.course}"
        if view.rule.shadow and view.course != "shadowed":
            what += " (shadow)"
        lines.append(f"  {style(MARKS[mark], *_COLORS[mark])} {style(what, *names)}")
    if left_out:
        lines.append(style(f"    {left_out} more that did not match or were not reached", "dim"))
    return "\n".join(lines)


def _rule_mark(view: RuleView) -> str:
    if view.course in ("not reached", "disabled"):
        return "not reached"
    return "false" if view.course == "no match" else "true"


def _expressions(simulation: Simulation, style: Style, explain: bool) -> Iterator[str]:
    deciding = simulation.deciding
    for view in simulation.rules:
        evaluated = view.course not in ("not reached", "disabled")
        relevant = view is deciding or (deciding is None and len(simulation.rules) <= 3)
        if evaluated and (explain or relevant):
            yield (
                style.title(f"Rule {view.position} {safe(view.rule.ref)}") + "\n" + expression_tree(view.trace, style)
            )


def _certificate(simulation: Simulation, style: Style) -> str:
    told_below = any(fact.problem for fact in simulation.certificate)
    lines = [style.title("Certificate") + f"  {certificate_line(simulation, why=not told_below)}"]
    width = max((len(fact.name) for fact in simulation.certificate), default=0)
    for fact in simulation.certificate:
        value = safe(fact.value, 300)
        if fact.problem and simulation.mtls:
            lines.append(f"  {fact.name:<{width}}  {style(value, 'underline', 'red')}")
            under = "" if style.color else f"  {' ' * width}  {'~' * min(columns(value), style.width - width - 4)}\n"
            problem = style.wrapped(f"✗ {safe(fact.problem)}", " " * (width + 6), " " * (width + 4))
            lines.append(under + style(problem, "red"))
        else:
            lines.append(f"  {fact.name:<{width}}  {value}")
            if fact.warning:
                lines.append(" " * (width + 4) + style(f"! {safe(fact.warning)}", "yellow"))
    return "\n".join(lines)


def _changes(simulation: Simulation, style: Style) -> str:
    title = "To block it" if simulation.allowed else "To let it in"
    if not simulation.changes:
        if simulation.allowed and not any(view.course != "disabled" for view in simulation.rules):
            return ""
        return style.title(title) + "\n" + style("  no small change of this request was found", "dim")
    lines = [style.title(title)]
    names = {"request": "request", "certificate": "certificate", "both": "together"}
    for side in ("certificate", "request", "both"):
        chosen = [change for change in simulation.changes if change.side == side]
        for number, change in enumerate(chosen):
            label = names[side] if number == 0 else ""
            lines.append(_change(change, label, simulation, style))
    return "\n".join(lines)


def _change(change: Turnaround, label: str, simulation: Simulation, style: Style) -> str:
    text = style.wrapped(change_text(change, simulation), " " * 17, f"  {label:<11}  • ")
    if simulation.allowed and change.decision.rule is not None:
        text += style(f"  → {safe(change.decision.rule.ref)}", "dim")
    return text
