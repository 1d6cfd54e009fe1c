"""Finding requests for which clauses come out as wanted: guessed from their literals, tried by the engine.

`changes` and `solve` turn a given request around (simulator, suggested tests); `making` makes one for a proof.
`candidates` and `places` guess. Nothing that was guessed is told before the engine has evaluated it.
"""

from mtls_tui.search.changes import Search, Turnaround, turnarounds
from mtls_tui.search.making import Maker
from mtls_tui.search.scenario import Knob, Scenario, Turn
from mtls_tui.search.solve import Solver

__all__ = ["Knob", "Maker", "Scenario", "Search", "Solver", "Turn", "Turnaround", "turnarounds"]
