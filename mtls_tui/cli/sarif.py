"""Findings as SARIF 2.1.0 (OASIS), the format of code scanning services."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtls_tui import __version__
from mtls_tui.analysis import CHECKS, Fix, Found
from mtls_tui.rulefile import Problem

_CHECKS = {check.code: check for check in CHECKS}
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(found: Sequence[Found]) -> dict[str, Any]:
    """A log with one run."""
    codes = sorted({entry.problem.code for entry in found})
    driver = {
        "name": "mtls-tui",
        "version": __version__,
        "rules": [_rule(code) for code in codes],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(entry, codes) for entry in found],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    """What a code means: from lint's table where it is one of lint's."""
    check = _CHECKS.get(code)
    if check is None:
        return {"id": code, "shortDescription": {"text": code.replace("-", " ")}}
    return {
        "id": code,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {"text": f"Avoid: {check.avoid}\nPrefer: {check.prefer}"},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
    }


def _result(found: Found, codes: list[str]) -> dict[str, Any]:
    problem = found.problem
    text = f"{problem.key}: {problem.message}" if problem.key else problem.message
    if problem.cure:
        text += f" ({problem.cure})"
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        location["region"] = {"startLine": problem.line} | ({"startColumn": problem.column} if problem.column else {})
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": _LEVELS[found.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }
    if found.rule:
        result["properties"] = {"rule": found.rule}
    if found.fix:
        result["fixes"] = [_fix(found.fix, problem)]
    return result


def _fix(fix: Fix, problem: Problem) -> dict[str, Any]:
    """One replacement in the file (3.55)."""
    region = {
        "startLine": fix.line,
        "startColumn": fix.column,
        "endLine": fix.end_line,
        "endColumn": fix.end_column,
    }
    replacement = {"deletedRegion": region, "insertedContent": {"text": fix.text}}
    change = {"artifactLocation": {"uri": _uri(problem.file)}, "replacements": [replacement]}
    return {"description": {"text": problem.cure or problem.message}, "artifactChanges": [change]}


def _uri(file: str) -> str:
    """A relative reference for relative paths, as code scanning wants it; a file URI for absolute ones."""
    path = Path(file)
    if path.is_absolute():
        return path.as_uri()
    from urllib.parse import quote

    return quote(path.as_posix())
