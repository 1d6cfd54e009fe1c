"""The request of an answer (a proof, a comparison, a property) as the simulator has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.content import Probe
from mtls_tui.tui.state.document import Document

if TYPE_CHECKING:
    from mtls_tui.engine.model import HttpRequest, Request


def request_line(http: HttpRequest) -> str:
    """Method and URL."""
    return f"{http.method} {http.scheme}://{http.host}{http.target}"


def probe_of(http: HttpRequest, request: Request, client: str) -> Probe | None:
    """The request as the simulator has it; None if it can't be written that way.

    What the simulator's form has no place for (versions, ciphers, bytes that are not text) is set as a field.
    """
    from mtls_tui.analysis.witness import TIMES, moment
    from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
    from mtls_tui.lang.catalogue import CERTIFICATE
    from mtls_tui.simulate.testing.roles import ROLE_OF_CLIENT
    from mtls_tui.simulate.values import written
    from mtls_tui.tui.simulator.probes import to_http

    timed = http.at is not None and not TIMES.isdisjoint(request.fields)
    probe = Probe(
        method=http.method,
        url=f"{http.scheme}://{http.host}{http.target}",
        headers=tuple((name, decode(value)) for name, value in http.headers),
        body=decode(http.body) if http.body else "",
        ip="" if http.client_ip == "127.0.0.1" else http.client_ip,
        at=moment(http.at) if timed and http.at is not None else "",
        certificate=ROLE_OF_CLIENT.get(client, "none"),
        overrides=tuple((name, written(value)) for name, value in http.overrides.items()),
    )
    wanted = {name: value for name, value in request.fields.items() if not name.startswith(CERTIFICATE)}

    def differing(made: Probe) -> list[str]:
        shown = to_http(made)
        fields = {**compute(RequestView(shown, http.at), EXTRACTORS.items()), **shown.overrides}
        return [name for name, value in wanted.items() if fields.get(name) != value]

    try:
        more = tuple((name, written(wanted[name])) for name in differing(probe))
        probe = replace(probe, overrides=(*probe.overrides, *more))
        return None if differing(probe) else probe
    except ValueError:
        return None


def with_request_tried(document: Document, probe: Probe, what: str) -> Document:
    """The simulator with a request from a page above it; `what` names the step for undo."""
    done = replace(document, overlay=None, board="").with_content(replace(document.content, probe=probe), what)
    return done.with_view(focus="simulator", tab="simulator", simulator_at=(0, 0)).with_notice(
        "this request is in the simulator now; u takes it back"
    )
