"""The outcome of a replay for the terminal and as plain data. Nothing from the log reaches the terminal unescaped."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from mtls_tui.simulate.replay.judge import LoggedVerdict
from mtls_tui.simulate.replay.run import ChangedLines, Example, GroupKey, Replay
from mtls_tui.simulate.requests.message import to_json, url_of
from mtls_tui.simulate.style import Style, columns, padded, safe
from mtls_tui.simulate.values import plain

TOP: Final = 10
ORDER: Final = ("allow", "block", "managed_challenge", "js_challenge", "challenge", "unknown")
WORDS: Final = {"allow": "allowed", "block": "blocked"}
_COLORS: Final = {"allow": "green", "unknown": "yellow"}
KINDS: Final = ("newly blocked", "newly let in", "no longer known", "known now", "decided by another rule")


def replay_text(result: Replay, style: Style, *, name: str, file: str, against: str | None, jobs: int = 1) -> str:
    """The whole report."""
    sections = [_head(result, style, name, jobs)]
    if result.lines:
        sections.append(_verdicts(result, style))
        sections.append(_by_rule(result, style))
        sections.append(_by_host(result, style))
    sections.append(_unknown(result, style))
    sections.append(_unreadable(result, style))
    if against is not None:
        sections.append(_differences(result, style, file, against))
    return "\n\n".join(section for section in sections if section) + "\n"


def kind_of(before: LoggedVerdict, after: LoggedVerdict) -> str:
    """How a verdict differs, in one of the words of `KINDS`."""
    if after.blocked != before.blocked and "unknown" not in (before.action, after.action):
        return "newly blocked" if after.blocked else "newly let in"
    if after.action == "unknown" and before.action != "unknown":
        return "no longer known"
    if before.action == "unknown" and after.action != "unknown":
        return "known now"
    return "decided by another rule"


def _head(result: Replay, style: Style, name: str, jobs: int) -> str:
    rate = result.lines / result.seconds if result.seconds else 0.0
    lines = [
        style(safe(name), "bold") + f"  {result.format}" + (f": {', '.join(result.columns)}" if result.columns else "")
    ]
    text = f"{result.lines:,} lines in {result.seconds:.1f} s ({rate:,.0f} a second"
    lines.append(style(text + (f", {jobs} processes)" if jobs > 1 else ")"), "dim"))
    if result.damage:
        lines.append(style(f"! the log ends early: {safe(result.damage)}", "bold", "yellow"))
    return "\n".join(lines)


def _share(number: int, total: int) -> str:
    return f"{100 * number / total:5.1f} %" if total else ""


def _word(action: str) -> str:
    return WORDS.get(action, action)


def _verdicts(result: Replay, style: Style) -> str:
    counts = result.by_action()
    lines = [style.title("Verdicts")]
    rows = [(_word(action), counts[action], _COLORS.get(action, "red")) for action in ORDER if counts[action]]
    bad = sum(result.unreadable.values())
    if bad:
        rows.append(("unreadable", bad, "yellow"))
    width = max((len(f"{number:,}") for _, number, _ in rows), default=1)
    for word, number, color in rows:
        lines.append(f"  {style(f'{word:<17}', color)}  {number:>{width},}  {_share(number, result.lines)}")
    return "\n".join(lines)


def _by_rule(result: Replay, style: Style) -> str:
    counts: Counter[tuple[str, str]] = Counter()
    for (_, verdict), number in result.outcomes.items():
        if verdict.rule is not None:
            counts[verdict.rule, verdict.action] += number
    if not counts:
        return ""
    top = counts.most_common(TOP)
    lines = [style.title("By rule")]
    width = max(columns(safe(ref)) for (ref, _), _ in top)
    for (ref, action), number in top:
        color = _COLORS.get(action, "red")
        lines.append(f"  {padded(safe(ref), width)}  {style(f'{_word(action):<17}', color)}  {number:,}")
    if len(counts) > TOP:
        lines.append(style(f"  and {len(counts) - TOP} more", "dim"))
    return "\n".join(lines)


def _by_host(result: Replay, style: Style) -> str:
    hosts: dict[str, Counter[str]] = {}
    for (host, verdict), number in result.outcomes.items():
        hosts.setdefault(host, Counter())[verdict.action] += number
    if not hosts:
        return ""
    top = sorted(hosts.items(), key=lambda item: -item[1].total())[:TOP]
    lines = [style.title("By host")]
    width = min(60, max(columns(safe(host, 60)) for host, _ in top))
    for host, counts in top:
        parts = [f"{_word(action)} {counts[action]:,}" for action in ORDER if counts[action]]
        lines.append(f"  {padded(safe(host, 60), width)}  {', '.join(parts)}")
    if len(hosts) > TOP:
        lines.append(style(f"  and {len(hosts) - TOP} more", "dim"))
    return "\n".join(lines)


def _unknown(result: Replay, style: Style) -> str:
    counts: Counter[tuple[str, str]] = Counter()
    for (_, verdict), number in result.outcomes.items():
        for name in verdict.missing:
            counts[name, verdict.rule or ""] += number
    if not counts:
        return ""
    lines = [style.title("Unknown for want of")]
    for (name, ref), number in counts.most_common(TOP):
        lines.append(f"  {safe(name)}  {style(f'rule {safe(ref)}', 'dim')}  {number:,}")
    lines.append(
        style("  give the log's name for it with --map FIELD=KEY, or one value for all with --set FIELD=VALUE", "dim")
    )
    return "\n".join(lines)


def _unreadable(result: Replay, style: Style) -> str:
    if not result.unreadable:
        return ""
    lines = [style.title("Unreadable")]
    for reason, number in result.unreadable.most_common(TOP):
        lines.append(f"  {number:,}  {safe(reason, 120)}")
    lines.extend(style(f"  such as  {safe(line, 100)}", "dim") for _, line in result.samples[:3])
    return "\n".join(lines)


def _grouped(result: Replay) -> Iterator[tuple[str, int, list[tuple[GroupKey, ChangedLines]]]]:
    for kind in KINDS:
        groups = [(key, group) for key, group in result.groups.items() if kind_of(key[1], key[2]) == kind]
        if groups:
            groups.sort(key=lambda item: -item[1].count)
            yield kind, sum(group.count for _, group in groups), groups


def _differences(result: Replay, style: Style, file: str, against: str) -> str:
    lines = [style.title(f"{safe(file)} against {safe(against)}")]
    if not result.groups:
        lines.append(style("  no request of this log would get another verdict", "green"))
        return "\n".join(lines)
    for kind, number, groups in _grouped(result):
        color = {"newly blocked": "red", "newly let in": "red"}.get(kind, "yellow")
        lines.append(f"  {style(kind, 'bold', color)}  {number:,}")
        for (host, before, after), group in groups[:TOP]:
            lines.append(f"    {safe(host, 60)}  {_verdict(before)} → {_verdict(after)}  {group.count:,}")
            lines.extend(style(f"      {command_for(example, file)}", "dim") for example in group.examples)
        if len(groups) > TOP:
            lines.append(style(f"    and {len(groups) - TOP} more groups", "dim"))
    return "\n".join(lines)


def _verdict(verdict: LoggedVerdict) -> str:
    return _word(verdict.action) + (f" ({safe(verdict.rule)})" if verdict.rule else "")


def command_for(example: Example, file: str) -> str:
    """A command line that opens the example in the simulator, or the line itself where no command can say it."""
    http = example.http
    if http is None:
        return safe(example.line, 200)
    words = ["mtls-tui", "simulate", file, "--url", url_of(http)]
    if http.method != "GET":
        words += ["--method", http.method]
    for name, value in http.headers:
        words += ["--header", f"{name}: {value.decode('utf-8', 'surrogateescape')}"]
    if http.client_ip not in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - it stands for no address
        words += ["--ip", http.client_ip]
    for field, setting in example.fields.items():
        if setting is False or setting == b"":
            continue  # as without a certificate
        text = plain(setting)
        words += ["--set", f"{field}={str(text).lower() if isinstance(text, bool) else text}"]
    line = " ".join(shlex.quote(word) for word in words)
    return safe(line) if safe(line) == line else safe(example.line, 200)


def replay_data(result: Replay, *, name: str, file: str, against: str | None) -> dict[str, Any]:
    """The outcome for JSON."""
    out: dict[str, Any] = {
        "log": name,
        "format": result.format,
        "columns": list(result.columns),
        "lines": result.lines,
        "seconds": round(result.seconds, 3),
        "verdicts": dict(result.by_action()),
        "unreadable": sum(result.unreadable.values()),
        "unreadable_reasons": dict(result.unreadable.most_common()),
        "unreadable_samples": [
            {"reason": reason, "line": line.decode("utf-8", "backslashreplace")} for reason, line in result.samples
        ],
        "outcomes": [
            {
                "host": host,
                "action": verdict.action,
                "rule": verdict.rule,
                "missing": list(verdict.missing),
                "lines": number,
            }
            for (host, verdict), number in result.outcomes.most_common()
        ],
    }
    if result.damage:
        out["damage"] = result.damage
    if against is not None:
        out["against"] = against
        out["differences"] = [
            {
                "kind": kind,
                "host": host,
                "before": {"action": before.action, "rule": before.rule},
                "after": {"action": after.action, "rule": after.rule},
                "lines": group.count,
                "examples": [_example(example) for example in group.examples],
            }
            for kind, _, groups in _grouped(result)
            for (host, before, after), group in groups
        ]
    return out


def _example(example: Example) -> dict[str, Any]:
    return {
        "line": example.line.decode("utf-8", "backslashreplace"),
        "request": to_json(example.http) if example.http is not None else None,
        "fields": {name: plain(value) for name, value in example.fields.items()},
    }
