"""Know before you deploy: simulate a request, run a rule file's tests, replay a log. Knows no screens, no sockets."""

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.replay.run import Replay, replay
from mtls_tui.simulate.requests.curl import ClientCertificate, CurlRequest, parse_curl
from mtls_tui.simulate.requests.har import HarEntry, from_har
from mtls_tui.simulate.requests.har import entries as har_entries
from mtls_tui.simulate.requests.message import from_json, to_json, url_of
from mtls_tui.simulate.requests.url import from_url
from mtls_tui.simulate.simulation import RuleView, Simulation, simulate
from mtls_tui.simulate.testing.suggest import entry_of, toml
from mtls_tui.simulate.testing.suite import Runner, TestReport, TestResult, run_tests

__all__ = [
    "ClientCertificate",
    "CurlRequest",
    "HarEntry",
    "Replay",
    "RequestError",
    "RuleView",
    "Runner",
    "Simulation",
    "TestReport",
    "TestResult",
    "entry_of",
    "from_har",
    "from_json",
    "from_url",
    "har_entries",
    "parse_curl",
    "replay",
    "run_tests",
    "simulate",
    "to_json",
    "toml",
    "url_of",
]
