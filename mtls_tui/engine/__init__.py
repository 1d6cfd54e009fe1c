"""From a request to a decision. Knows no sockets and no screens."""

from mtls_tui.engine.compile import Matcher, compile  # noqa: A004 - the contract's name
from mtls_tui.engine.members import ListError
from mtls_tui.engine.model import Action, Decision, HttpRequest, Request, Response, Rule
from mtls_tui.engine.ruleset import Ruleset

__all__ = [
    "Action",
    "Decision",
    "HttpRequest",
    "ListError",
    "Matcher",
    "Request",
    "Response",
    "Rule",
    "Ruleset",
    "compile",
]
