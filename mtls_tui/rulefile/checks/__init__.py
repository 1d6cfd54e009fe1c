"""Whether the values of a rule file make sense, each alone and together; one module a section.

Expressions, references, files, contradictions: every check gives a `Problem` with a place and a cure. What may be odd
but can run belongs to lint, not here.
"""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.rulefile.checks.hosts import check_files, check_hosts
from mtls_tui.rulefile.checks.lists import check_lists
from mtls_tui.rulefile.checks.properties import check_properties
from mtls_tui.rulefile.checks.report import ProblemReport
from mtls_tui.rulefile.checks.rules import check_rules
from mtls_tui.rulefile.checks.testcases import check_tests
from mtls_tui.rulefile.checks.texts import position_in_file
from mtls_tui.rulefile.model import RuleFile

__all__ = ["checked", "position_in_file"]


def checked(rulefile: RuleFile) -> RuleFile:
    """The same rule file with its parsed expressions and all its problems, in the order of the file."""
    report = ProblemReport(rulefile)
    parsed = check_rules(report)
    for check in (check_hosts, check_files, check_lists, check_properties, check_tests):
        check(report)
    problems = sorted(report.problems, key=lambda problem: (problem.line, problem.column))
    return replace(rulefile, expressions=parsed, problems=tuple(problems))
