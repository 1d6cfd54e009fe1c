"""From a request to a decision. Knows no sockets and no screens."""

from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.compile import Matcher, compile, evaluate  # noqa: A004 - the contract's name
from mtls_tui.engine.explain import explain, explain_value
from mtls_tui.engine.model import Action, Decision, HttpRequest, Request, Response, Rule
from mtls_tui.engine.partial import UnknownDecision
from mtls_tui.engine.policy import Host, Outcome, Policy, PolicyError
from mtls_tui.engine.regex import PatternError
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.engine.sets import ListError, NamedList
from mtls_tui.engine.trace import Absent, Step, Trace

__all__ = [
    "Absent",
    "Action",
    "Bundle",
    "BundleError",
    "Decision",
    "Host",
    "HttpRequest",
    "ListError",
    "Matcher",
    "NamedList",
    "Outcome",
    "PatternError",
    "Policy",
    "PolicyError",
    "Request",
    "Response",
    "Rule",
    "Ruleset",
    "Step",
    "Trace",
    "UnknownDecision",
    "compile",
    "evaluate",
    "explain",
    "explain_value",
]
