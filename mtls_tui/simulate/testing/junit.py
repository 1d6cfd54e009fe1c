"""A test report as JUnit XML, the form that continuous integration reads."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from mtls_tui.simulate.testing.suite import TestReport, TestResult

# XML 1.0, 2.2: what is not a Char can't stand in a document, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: TestReport, explain: dict[int, str] | None = None) -> bytes:
    """The report as XML; `explain` has a text for the number of a failed test."""
    errors = sum(1 for result in report.results if result.error)
    suite = ET.Element(
        "testsuite",
        {
            "name": _clean(report.name),
            "tests": str(len(report.results)),
            "failures": str(len(report.failed) - errors),
            "errors": str(errors),
            "skipped": "0",
            "time": f"{report.seconds:.3f}",
        },
    )
    for result in report.results:
        suite.append(_case(result, report.name, (explain or {}).get(result.number, "")))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(result: TestResult, name: str, explanation: str) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "classname": _clean(name),
            "name": _clean(result.test.name),
            "file": _clean(name),
            "line": str(result.line),
            "time": f"{result.seconds:.4f}",
        },
    )
    if not result.passed:
        what = "error" if result.error else "failure"
        message = result.error or "; ".join(result.failures)
        detail = ET.SubElement(case, what, {"message": _clean(message)})
        detail.text = _clean(explanation or message)
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
