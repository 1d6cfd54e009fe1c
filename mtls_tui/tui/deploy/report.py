"""The deploy page: what an export would change against what is exported, the file's tests, and the way back."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from mtls_tui.analysis.bundle_changes import bundle_changes
from mtls_tui.analysis.properties import PropertyAnswer
from mtls_tui.analysis.properties_in_file import judged
from mtls_tui.engine.bundle import MAX_BYTES, Bundle, BundleError
from mtls_tui.files import read_bounded, write_atomically
from mtls_tui.rulefile import RuleFile, RuleFileError, bundle
from mtls_tui.rulefile.exporting import deployable
from mtls_tui.rulefile.history import exports
from mtls_tui.rulefile.trust import out_of_date, trust_problems
from mtls_tui.tui.deploy.actions import PROBLEMS
from mtls_tui.tui.drawing.safe_text import safe
from mtls_tui.tui.properties.actions import answer_lines, witnesses
from mtls_tui.tui.state.document import Deployed
from mtls_tui.tui.state.overlays import Choice, Item

Runs: TypeAlias = tuple[tuple[str, str], ...]
MAX_DIFF = 400
MAX_LATE = 6


@dataclass(frozen=True, slots=True)
class Report:
    """Lines to show; `why_not` tells why nothing can be exported, "" when it can; `kept` counts earlier exports.

    `witnesses` are choices that try a request that breaks a property.

    `before` and `after` are what is exported and what would be, where there is something to compare.
    """

    lines: tuple[Runs, ...]
    why_not: str
    kept: int
    witnesses: tuple[Choice, ...] = ()
    before: Bundle | None = None
    after: Bundle | None = None


def report(file: RuleFile, target: Path) -> Report:
    """The report shown before an export."""
    lines: list[Runs] = []
    problems = [*file.problems] or [*deployable(file)] or [*trust_problems(file)]
    if problems:
        for problem in problems[:20]:
            lines.append(((f"✗ {problem.message}", "bad"),))
            if problem.cure:
                lines.append(((f"  {problem.cure}", "soft"),))
        return Report(tuple(lines), PROBLEMS, len(exports(target)))
    try:
        made = bundle(file)
    except RuleFileError as error:
        return Report((((f"✗ {error.problem.message}", "bad"),),), PROBLEMS, len(exports(target)))
    deployed = _deployed(target)
    late = out_of_date(file, datetime.now(UTC))
    lines += [((f"! {safe(problem.message)}", "warn"), (f"; {problem.cure}", "soft")) for problem in late[:MAX_LATE]]
    if len(late) > MAX_LATE:
        lines.append(((f"  and {len(late) - MAX_LATE} more authorities or lists out of date", "warn"),))
    lines += [(), *changes(deployed, made)] if late else changes(deployed, made)
    test_lines, failed = _tests(file)
    lines += [(), *test_lines]
    answers = judged(file)
    broken = [answer for answer in answers if answer.status == "broken"]
    lines += properties(answers)
    kept = exports(target)
    lines += [(), ((f"{len(kept)} earlier exports are kept", "soft"),)]
    wrong = [
        *([f"{failed} test{'s' if failed > 1 else ''} fail{'' if failed > 1 else 's'}"] if failed else []),
        *([f"{len(broken)} propert{'ies are' if len(broken) > 1 else 'y is'} broken"] if broken else []),
    ]
    after = made if deployed is not None else None
    return Report(tuple(lines), " and ".join(wrong), len(kept), tuple(witnesses(tuple(broken))), deployed, after)


def known(file: RuleFile, target: Path) -> Deployed | None:
    """What is exported, and how many things the file changes; None if nothing is exported."""
    try:
        data = read_bounded(target, MAX_BYTES, "bundle")
        old = Bundle.decode(data)
    except (OSError, BundleError):
        return None
    exported = Deployed(old.digest, file_digest=f"sha256:{hashlib.sha256(data).hexdigest()}")
    try:
        new = bundle(file)
    except RuleFileError:
        return replace(exported, changes=1)
    return replace(exported, changes=len(bundle_changes(old, new, match=False)))


def _deployed(target: Path) -> Bundle | None:
    try:
        return Bundle.decode(read_bounded(target, MAX_BYTES, "bundle"))
    except (OSError, BundleError):
        return None


def changes(old: Bundle | None, new: Bundle) -> list[Runs]:
    """The changes, in words first, then as a diff of the rules' texts."""
    if old is None:
        return [(("nothing is exported yet: this is the first bundle", "text"),), _count(new)]
    lines = named_changes(old, new)
    if not lines:
        return [(("no change against what is exported", "soft"),), _count(new)]
    return [_count(new), (), *lines, *_diff(old, new)]


def named_changes(old: Bundle, new: Bundle) -> list[Runs]:
    """The changes in words, one a line, with `+`, `-` or `~` before them."""
    styles = {"+": "good", "-": "bad", "~": "warn"}
    return [((safe(str(change)), styles[change.sign]),) for change in bundle_changes(old, new)]


def _count(made: Bundle) -> Runs:
    return ((f"{len(made.hosts)} hosts, {len(made.rules)} rules, {len(made.lists)} lists", "soft"),)


def _diff(old: Bundle, new: Bundle) -> list[Runs]:
    found = list(difflib.unified_diff(_text(old), _text(new), "exported", "now", lineterm="", n=1))[2:]
    if not found:
        return []
    styles = {"+": "good", "-": "bad", "@": "faint"}
    lines: list[Runs] = [(), (("text", "accent"),)]
    lines += [((safe(line), styles.get(line[:1], "soft")),) for line in found[:MAX_DIFF]]
    return lines


def _text(made: Bundle) -> list[str]:
    """A bundle's rules as lines, one clause of the language a line, so that a diff reads like the rule."""
    from mtls_tui import lang

    lines: list[str] = []
    for rule in made.rules:
        lines.append(f"{rule.ref}: {rule.action}{'' if rule.enabled else ' (off)'}")
        expression = lang.parse(rule.expression, max_length=None, check=False)
        lines += [f"    {line}" for line in lang.format(expression, width=70).split("\n")]
    return lines


def _tests(file: RuleFile) -> tuple[list[Runs], int]:
    if not file.tests:
        return [(("the file has no tests (s, then t in the simulator makes one)", "soft"),)], 0
    from mtls_tui.simulate.testing.suite import run_tests

    outcome = run_tests(file)
    failed = [result for result in outcome.results if result.failures]
    if not failed:
        return [((f"✓ all {len(outcome.results)} tests pass", "good"),)], 0
    lines: list[Runs] = [((f"✗ {len(failed)} of {len(outcome.results)} tests fail", "bad"),)]
    for result in failed[:20]:
        lines.append(((f"  {safe(result.test.name)}: {safe(result.failures[0])}", "text"),))
    return lines, len(failed)


def properties(answers: Sequence[PropertyAnswer]) -> list[Runs]:
    """What must hold, and whether it does; nothing where no property is stated."""
    if not answers:
        return []
    if all(answer.status == "proved" for answer in answers):
        return [((f"✓ all {len(answers)} properties are proved", "good"),)]
    lines: list[Runs] = []
    for answer in answers:
        if answer.status != "proved":
            lines += answer_lines(answer)
    proved = sum(answer.status == "proved" for answer in answers)
    return [((f"{proved} of {len(answers)} properties are proved", "soft"),), *lines]


def kept_items(target: Path) -> tuple[Item, ...]:
    """The kept exports, newest first."""
    return tuple(
        Item(str(kept.path), f"{kept.number}  {kept.created}", detail=kept.digest.removeprefix("sha256:")[:12])
        for kept in exports(target)
    )


def put_back(kept: Path, target: Path) -> str:
    """Restore a kept bundle after checking that it is intact; returns its digest."""
    try:
        data = read_bounded(kept, MAX_BYTES, "bundle")
        found = Bundle.decode(data)
        write_atomically(target, data)
    except (BundleError, OSError) as error:
        raise ValueError(str(error)) from None
    return found.digest
