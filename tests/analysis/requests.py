"""Strategies: rules in order, and requests that have something to do with their clauses."""

from hypothesis import strategies as st

from mtls_tui.analysis.context import atoms
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.model import HttpRequest
from mtls_tui.search.making import change
from mtls_tui.search.places import candidates, places_of
from tests.lang.trees import nodes

HOST = "api.example.com"
actions = st.sampled_from(["block", "block", "skip", "log"])
rulesets = st.lists(st.tuples(nodes, actions), min_size=1, max_size=3)
LISTS = {"office": ["192.0.2.0/24"]}


def requests(draw, expression_nodes):
    """A request that has something to do with the clauses."""
    http = HttpRequest(host=HOST, at=0.0)
    clauses = [atom for node in expression_nodes for atom in atoms(node)]
    for _ in range(draw(st.integers(0, 3))):
        clause = draw(st.sampled_from(clauses)) if clauses else None
        places = [place for place in places_of(clause) if place.name != "http.host"] if clause else []
        if not places:
            continue
        fields = compute(RequestView(http, 0.0), EXTRACTORS.items())
        place = draw(st.sampled_from(places))
        options = candidates(clause, place, fields, LISTS)
        http = change(http, place, draw(st.sampled_from(options)), fields) if options else None
        http = http or HttpRequest(host=HOST, at=0.0)
    return http
