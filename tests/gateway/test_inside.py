"""The filter that decides inside Envoy, in a LuaJIT: whatever is unusual, stale or broken asks the service."""

import contextlib
import math
import time
from types import SimpleNamespace

import pytest
from lupa import luajit21 as lupa

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway.decision import REFUSED
from mtls_tui.gateway.envoy import facts, inside
from mtls_tui.gateway.envoy.filters import NOT_ASKED, NOT_THE_CLIENTS, TLS13_CIPHERS

HOST = "a.example.com"
VERIFIED = "cf.tls_client_auth.cert_verified"
HANDLE = """
function new_handle(py)
  local function map(get) return {get = function(_, name) return get(name) end} end
  local headers = {lines = {}}
  function headers:get(name) return py.get(name) end
  function headers:replace(name, value) py.replace(name, value) end
  function headers:add(name, value) py.add(name, value) end
  function headers:getNumValues(name) return py.number(name) end
  function headers:getAtIndex(name, at) return py.at(name, at) end
  local metadata = {}
  function metadata:set(space, key, value) py.set(space, key, value) end
  function metadata:get(space) return py.space(space) end
  local ssl = {}
  function ssl:urlEncodedPemEncodedPeerCertificateChain() return py.chain() end
  local info = {}
  function info:downstreamSslConnection() return ssl end
  function info:dynamicMetadata() return metadata end
  function info:downstreamDirectRemoteAddress() return "192.0.2.1:5" end
  local stats = {}
  function stats:counter(name) return {inc = function() py.count(name) end} end
  local handle = {}
  function handle:filterContext() return map(py.context) end
  function handle:virtualHost() return {metadata = function() return map(py.context) end} end
  function handle:headers() return headers end
  function handle:streamInfo() return info end
  function handle:timestamp() return py.now() end
  function handle:stats() return stats end
  function handle:respond(head, body) py.respond(head[":status"], body) end
  function handle:logErr(text) py.log(text) end
  return handle
end
"""


class Filter:
    """The filter of one thread, and the service that it asks; `ask` sends a request through both."""

    def __init__(self, rules=(("block", f"not {VERIFIED}"),), lifetime=500, line="", **bounds):
        self.lua = lupa.LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
        self.lua.execute("pairs_of = pairs; function pairs(t) return pairs_of(t.lines or t) end")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in bounds.items():
                patch.setattr(inside, name, value)
            self.lua.execute(inside.lua(lifetime, NOT_THE_CLIENTS.union(NOT_ASKED), TLS13_CIPHERS))
        self.lua.execute(HANDLE)
        self.now = time.time()
        self.generation, self.told_generation, self.until, self.verified = 1, None, math.inf, True
        self.counted, self.logged, self.asked = [], [], 0
        self.source, self.line = None, line
        host = BundleHost(name=HOST, mtls=True)
        made = tuple(BundleRule(ref=f"r{n}", action=a, expression=e) for n, (a, e) in enumerate(rules))
        policy = Policy.from_bundle(Bundle(hosts=(host,), rules=made))
        self.program = inside.program(policy, policy.hosts[HOST], REFUSED, shadow=False)

    def ask(self, path="/", *, authority=HOST, method="GET", chain="A", context=None, break_at="", values=()):
        """(status by whom): what became of a request; "asked" when the question was put."""
        headers = {":authority": authority, ":path": path, ":method": method}
        spaces, answered = {}, []
        source = self.source if self.source is not None else self.program.source
        known = (
            context
            if context is not None
            else {
                "ask": "plain",
                "key": f"{self.generation}/{HOST}",
                "generation": float(self.generation),
                "source": source,
            }
        )

        def doing(name, act, *values):
            if name == break_at:
                raise RuntimeError(f"{name} is broken")
            return act(*values)

        py = SimpleNamespace(
            get=lambda name: doing(f"get {name}", headers.get, name),
            replace=lambda name, value: doing("replace", headers.__setitem__, name, value),
            add=headers.__setitem__,
            number=lambda name: len(values) if name == "x-a" else 0,
            at=lambda name, at: values[int(at)],
            set=lambda space, key, value: doing(f"set {key}", spaces.setdefault(space, {}).__setitem__, key, value),
            space=lambda space: self.lua.table_from(spaces[space]) if space in spaces else None,
            chain=lambda: chain,
            context=lambda name: doing("context", known.get, name),
            count=lambda name: doing("count", self.counted.append, name),
            now=lambda: str(int(self.now * 1000)),
            respond=lambda status, body: doing("respond", answered.append, status),
            log=self.logged.append,
        )
        handle = self.lua.globals().new_handle(py)
        with contextlib.suppress(lupa.LuaError, RuntimeError):  # Envoy goes on with the request
            self.lua.globals().envoy_on_request(handle)
        if answered:
            return answered[0]
        if "allowed" in spaces.get("mtls-tui", {}):
            return "allowed"
        self.asked += 1
        if "x-mtls-tui-wants" in headers:
            told = self.told_generation or self.generation
            text = facts.encode(told, self.until, self.line, {VERIFIED: self.verified},
                                [("client-cert", ":x:")])  # fmt: skip
            spaces["envoy.filters.http.ext_authz"] = {facts.FACTS_HEADER: text}
        self.lua.globals().envoy_on_response(handle)
        return "asked"

    def many(self, number, **options):
        return [self.ask(**options) for _ in range(number)]


def test_second_request_of_a_chain_is_decided_inside():
    one = Filter()
    assert one.many(3) == ["asked", "allowed", "allowed"]
    one.verified = False
    assert one.many(3, chain="B") == ["asked", "403", "403"]
    assert one.many(1) == ["allowed"]
    assert one.counted == [f"{HOST}||allow"] * 2 + [f"{HOST}|r0|block"] * 2 + [f"{HOST}||allow"]


def test_facts_are_those_of_the_whole_chain_and_of_the_host():
    one = Filter()
    assert one.many(2, chain="A") == ["asked", "allowed"]
    assert one.ask(chain="AA") == "asked" and one.ask(chain="") == "asked"
    assert one.ask(authority="b.example.com") == "asked" and one.ask(authority="b.example.com") == "asked"
    assert one.ask(authority="A.Example.com:443") == "allowed"


def test_facts_are_forgotten_after_their_time_at_the_latest():
    one = Filter(lifetime=500)
    assert one.many(2) == ["asked", "allowed"]
    one.now += 0.2
    assert one.many(2) == ["allowed", "allowed"]
    one.now += 0.31
    assert one.many(2) == ["asked", "allowed"]


def test_one_request_asks_again_when_half_of_the_time_is_over():
    one = Filter(lifetime=500)
    one.ask()
    one.now += 0.26
    answers = one.many(4)
    assert answers == ["asked", "allowed", "allowed", "allowed"]
    one.now += 0.24  # half a second after the first, but not after the second
    assert one.ask() == "allowed"


def test_facts_that_could_not_be_renewed_end_with_their_time():
    one = Filter(lifetime=500)
    assert one.many(2) == ["asked", "allowed"]
    one.told_generation = 2  # what is told from now on is not for these rules
    one.now += 0.26
    assert one.many(3) == ["asked", "allowed", "allowed"]
    one.now += 0.25
    assert one.many(3) == ["asked", "asked", "asked"]


def test_facts_do_not_outlive_the_certificate_or_a_clock_that_goes_back():
    one = Filter()
    one.until = one.now + 0.1
    assert one.many(2) == ["asked", "allowed"]
    one.now += 0.11
    assert one.many(2) == ["asked", "asked"]
    other = Filter()
    assert other.many(2) == ["asked", "allowed"]
    other.now -= 1
    assert other.ask() == "asked"


def test_rules_of_one_generation_never_use_facts_of_another():
    one = Filter()
    assert one.many(2) == ["asked", "allowed"]
    one.generation = 2
    assert one.many(2) == ["asked", "allowed"]
    one.generation = 1  # a request that was under way
    assert one.ask() == "asked"
    one.generation, one.told_generation = 3, 4  # the service is ahead of the routes
    assert one.many(3) == ["asked", "asked", "asked"]
    one.told_generation = 2  # and behind them
    assert one.many(3) == ["asked", "asked", "asked"]
    one.told_generation = None
    assert one.many(2) == ["asked", "allowed"]


@pytest.mark.parametrize("place", ["context", "get :path", "get :authority", "count"])
def test_failure_inside_asks_and_is_counted_and_told_once_a_second(place):
    one = Filter()
    assert one.many(2) == ["asked", "allowed"]
    assert one.many(3, break_at=place) == ["asked"] * 3
    assert one.ask() == "allowed"
    if place != "count":  # there it is the counting that fails
        assert one.counted.count("failed") == 3 and len(one.logged) == 1


@pytest.mark.parametrize("place", ["respond", "set blocked", "set allowed", "replace"])
def test_failure_at_the_very_end_is_a_question_never_a_pass(place):
    for verified in (True, False):
        one = Filter()
        one.verified = verified
        assert one.many(2) == ["asked", "allowed" if verified else "403"]
        broken = (place in ("set allowed", "replace")) is verified
        assert one.ask(break_at=place) == ("asked" if broken else "allowed" if verified else "403")


@pytest.mark.parametrize(
    "source", ["return {", "error('x')", "return nil", "return {decide = function() error('x') end}"]
)
def test_broken_program_asks_about_every_request(source):
    one = Filter()
    one.source = source
    assert one.many(4) == ["asked"] * 4
    assert one.logged


@pytest.mark.parametrize("request_", [
    {"method": "TRACE"}, {"method": "get"}, {"path": '/"'}, {"path": "/\\"}, {"path": "/\xe9"}, {"path": "*"},
    {"path": ""},    {"path": "/a//b"}, {"path": "/a/../b"}, {"path": "/%2e"}, {"authority": "a b"}, {"authority": ""},
])  # fmt: skip
def test_unusual_request_is_asked_about(request_):
    one = Filter()
    one.many(2)
    assert one.many(2, **request_) == ["asked", "asked"]


@pytest.mark.parametrize("blank", [" ", "\t"])
def test_header_value_that_begins_or_ends_with_a_blank_is_asked_about(blank):
    one = Filter((("block", 'any(http.request.headers["x-a"][*] eq "no")'),))
    assert one.many(2, values=["yes"]) == ["asked", "allowed"]
    assert one.ask(values=["no"]) == "403"
    for value in (f"{blank}no", f"no{blank}", f"{blank}yes", blank):
        assert one.ask(values=["yes", value]) == "asked"


def test_route_without_rules_asks():
    one = Filter()
    assert [one.ask(context=context) for context in ({}, {"ask": "plain"}, {"ask": "headers"})] == ["asked"] * 3


def test_what_is_remembered_is_bounded():
    one = Filter(MOST_REMEMBERED=4)
    assert [one.ask(chain=str(number)) for number in range(4)] == ["asked"] * 4
    assert [one.ask(chain=str(number)) for number in range(4)] == ["allowed"] * 4
    one.ask(chain="5")
    assert one.ask(chain="0") == "asked"
    small = Filter(MOST_BYTES=4000)
    assert [small.ask(chain="A" * 100) for _ in range(2)] == ["asked", "allowed"]
    small.ask(chain="B" * 1000)
    assert small.ask(chain="A" * 100) == "asked"
    logging = Filter(MOST_BYTES=11_000, line=',"subject":"' + "s" * 1000 + '"')
    assert [logging.ask(chain=chain) for chain in "AABB"] == ["asked", "allowed"] * 2
    logging.ask(chain="C")
    assert logging.ask(chain="A") == "asked", "lines for the log count"
    huge = Filter()
    assert huge.many(2, chain="A" * 30_000) == ["asked", "asked"]


HMAC = 'is_timed_hmac_valid_v0("key", http.request.uri, 10, http.request.timestamp.sec, 1)'


def test_rules_that_would_take_long_to_load_do_not_run_inside(monkeypatch):
    """A thread of Envoy stands still meanwhile, and questions that are under way would time out."""
    assert Filter().program.facts
    monkeypatch.setattr(inside, "MOST_SOURCE", 1024)
    assert Filter().program == "the rules would take more than 1 KiB of Lua"


def test_programs_that_are_forgotten_are_loaded_again():
    one = Filter(MOST_LOADED=10)
    assert one.many(3) == ["asked", "allowed", "allowed"]
    one.generation = 2
    assert one.many(3) == ["asked", "allowed", "allowed"]


def test_rule_that_can_not_be_compiled_is_asked_about_when_it_is_reached():
    one = Filter(rules=(("block", 'http.request.uri.path eq "/no"'), ("block", HMAC)))
    assert one.program.asks
    assert [one.ask(path) for path in ("/no", "/no", "/yes", "/yes")] == ["asked", "403", "asked", "asked"]
