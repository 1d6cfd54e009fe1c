"""What requests there are: clauses as exact conditions on the parts of a request, and a search over them.

`Theory` decides whether expressions can come out as wanted together. Texts are regular languages (`languages`), numbers
and addresses intervals, and what joins clauses a circuit (`circuits`). Knows no order of rules and no actions.
"""

from mtls_tui.theory.circuits import FALSE, TRUE, Literal
from mtls_tui.theory.places import Wildcard
from mtls_tui.theory.solving import Found, Result, Theory
from mtls_tui.theory.uses import Uses

__all__ = ["FALSE", "TRUE", "Found", "Literal", "Result", "Theory", "Uses", "Wildcard"]
