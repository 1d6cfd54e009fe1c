"""Lint and proofs over rules. Knows no files and no screens.

`lint` says what in a set of rules probably is not what was meant; `unprotected` looks for a request that reaches a host
without a certificate, and says whether there can be one; `compare` says who is newly let in or blocked by a change
of rules or hosts (`Site`: both together). Both stand on `ask`: is there a request that one or two sets of rules decide
so, and for which an expression holds?
`findings_of` has lint's findings at their places within a rule file, and `cured` puts their fixes in.
"""

from __future__ import annotations

from mtls_tui.analysis.checks import CHECKS
from mtls_tui.analysis.context import Target
from mtls_tui.analysis.difference import Difference, compare
from mtls_tui.analysis.finding import Check, Finding, Severity
from mtls_tui.analysis.linting import fixed, lint
from mtls_tui.analysis.places_in_file import Fix, Found, cured, findings_of
from mtls_tui.analysis.question import Answer, Client, Side, ask
from mtls_tui.analysis.reach import Reach, unprotected
from mtls_tui.analysis.site import HostSettings, Site, Trust

__all__ = [
    "CHECKS",
    "Answer",
    "Check",
    "Client",
    "Difference",
    "Finding",
    "Fix",
    "Found",
    "HostSettings",
    "Reach",
    "Severity",
    "Side",
    "Site",
    "Target",
    "Trust",
    "ask",
    "compare",
    "cured",
    "findings_of",
    "fixed",
    "lint",
    "unprotected",
]
