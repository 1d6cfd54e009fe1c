"""Envoy's configuration as data: what must be off is off, what must be asked is asked, limits are all there."""

from pathlib import Path

import pytest

from mtls_tui.gateway.envoy import config as envoy_config
from mtls_tui.gateway.envoy.filters import INSIDE_FILTER, filter_name, watched
from mtls_tui.gateway.envoy.hostplan import ASK_LEVELS, HostPlan, Upstream, enough, widest
from mtls_tui.gateway.envoy.inside import Program
from mtls_tui.gateway.envoy.listeners import NOBODY, SNI, UNSERVED
from mtls_tui.gateway.envoy.routes import route_table
from mtls_tui.gateway.settings import Settings
from mtls_tui.gateway.stripping import pattern

UP = Upstream("127.0.0.1", 8080)
PLANS = [
    HostPlan("a.example", True, UP, "plain", program=Program("return {}", ())),
    HostPlan("*.example", False, UP, "nothing"),
    HostPlan("b.example", True, UP, "headers"),
    HostPlan("c.example", False, Upstream("up.test", 443, True, "up.test", Path("/ca.pem")), "body"),
    HostPlan("d.example", True, UP, "plain"),
]
PAIRS = {plan.name: envoy_config.tls_files(Path("/c"), Path("/k")) for plan in PLANS}
PAIRS["d.example"] = envoy_config.tls_files(Path("/other"), Path("/k"))


@pytest.fixture(scope="module")
def config():
    return envoy_config.complete(PLANS, Settings(), Path("/a"), [Path("/d")], PAIRS)


def chains(config):
    listener = config["static_resources"]["listeners"][0]
    return {chain["name"]: chain for chain in [*listener["filter_chains"], listener["default_filter_chain"]]}


def manager(chain):
    return chain["filters"][0]["typed_config"]


def test_resumption_is_off_in_both_forms_and_certificates_are_asked_for_where_they_should(config):
    for name, chain in chains(config).items():
        tls = chain["transport_socket"]["typed_config"]
        assert tls["disable_stateless_session_resumption"] is True, name
        assert tls["disable_stateful_session_resumption"] is True, name
        asks = "validation_context" in tls["common_tls_context"]
        assert asks == name.startswith("mtls-"), name
        assert manager(chain)["forward_client_cert_details"] == ("SANITIZE_SET" if asks else "SANITIZE")


def test_hosts_with_one_certificate_share_a_chain_by_whether_they_ask_for_the_clients(config):
    matcher = config["static_resources"]["listeners"][0]["filter_chain_matcher"]
    leads = dict(matcher["matcher_tree"]["exact_match_map"]["map"])
    for one in matcher["on_no_match"]["matcher"]["matcher_list"]["matchers"]:
        leads[one["predicate"]["single_predicate"]["value_match"]["suffix"]] = one["on_match"]
    names = {host: one["action"]["typed_config"]["value"] for host, one in leads.items()}
    named = {tuple(host for host in names if names[host] == name): name for name in names.values()}
    assert set(named) == {("a.example", "b.example"), ("c.example",), ("d.example",), (".example",)}
    assert sorted(named.values()) == sorted(set(chains(config)) - {UNSERVED})
    for domains, name in named.items():
        assert name.startswith({"c": "tls-", ".": "*."}.get(domains[0][0], "mtls-"))


def test_another_host_changes_no_chain_of_those_that_were_there(config):
    """Envoy keeps the connections of a chain that is the same."""
    plans = [*PLANS, HostPlan("e.example", True, UP, "body")]
    more = envoy_config.complete(plans, Settings(), Path("/a"), [Path("/d")], PAIRS | {"e.example": PAIRS["a.example"]})
    before, after = chains(config), chains(more)
    assert before.keys() == after.keys()
    for one in (*before.values(), *after.values()):
        del manager(one)["route_config"]  # while it runs it comes from a file
    assert before == after


def test_every_question_fails_closed_and_only_the_plain_one_is_on_by_itself(config):
    for chain in chains(config).values():
        filters = {one["name"]: one for one in manager(chain)["http_filters"]}
        for level in ASK_LEVELS[1:]:
            question = filters[filter_name(level)]
            assert question["typed_config"]["failure_mode_allow"] is False
            assert question["typed_config"]["status_on_error"] == {"code": "ServiceUnavailable"}
            assert question["disabled"] is (level != "plain")


def test_each_host_is_asked_what_its_rules_need_and_has_the_rules_that_run_inside():
    table = route_table(PLANS, Settings(), 7)
    for plan, host in zip(PLANS, table["virtual_hosts"], strict=False):
        websocket, served, other = host["routes"]
        assert websocket["typed_per_filter_config"] == served["typed_per_filter_config"] | watched()
        assert websocket["match"]["headers"][0] == served["match"]["headers"][0]
        config = served["typed_per_filter_config"]
        assert (filter_name("plain") in config) == (plan.ask != "plain")
        assert (filter_name("headers") in config) == (plan.ask == "headers")
        assert (filter_name("body") in config) == (plan.ask == "body")
        context = host["typed_per_filter_config"][INSIDE_FILTER]["filter_context"]
        assert context["ask"] == plan.ask
        assert host["metadata"]["filter_metadata"][INSIDE_FILTER]["source"] == (
            "return {}" if plan.name == "a.example" else ""
        )
        assert ("key" in context) == (plan.name == "a.example")
        assert other["typed_per_filter_config"][INSIDE_FILTER]["disabled"] is True
        assert served["match"]["headers"][0]["string_match"] == {"exact": plan.name}
        assert other["direct_response"]["status"] == 421 and "route" not in other
    assert table["virtual_hosts"][-1]["domains"] == ["*"]
    assert table["virtual_hosts"][0]["typed_per_filter_config"][INSIDE_FILTER]["filter_context"] == {
        "ask": "plain", "key": "7/a.example", "generation": 7,
    }  # fmt: skip


def test_identity_headers_are_stripped_before_the_chain_is_named(config):
    for name, chain in chains(config).items():
        [extension] = manager(chain)["early_header_mutation_extensions"]
        strip, named = extension["typed_config"]["mutations"]
        assert strip["remove_on_match"]["key_matcher"]["safe_regex"]["regex"] == pattern()
        mark = NOBODY if name == UNSERVED else name if name.startswith("*.") else SNI
        assert named["append"]["header"]["value"] == mark
        assert named["append"]["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD"


def test_limits_and_timeouts_are_explicit(config):
    listener = config["static_resources"]["listeners"][0]
    assert listener["per_connection_buffer_limit_bytes"] and listener["listener_filters_timeout"]
    [monitor] = config["overload_manager"]["resource_monitors"]
    assert monitor["typed_config"]["max_active_downstream_connections"] == 10_000
    for chain in chains(config).values():
        assert chain["transport_socket_connect_timeout"] == "10.000s"
        for name in ("request_headers_timeout", "request_timeout", "stream_idle_timeout", "max_request_headers_kb"):
            assert manager(chain)[name], name
        common = manager(chain)["common_http_protocol_options"]
        assert common["max_headers_count"] == 100 and common["idle_timeout"] == "60.000s"
        assert common["headers_with_underscores_action"] == "DROP_HEADER"


def test_https_upstream_is_verified_by_name(config):
    cluster = next(one for one in config["static_resources"]["clusters"] if "up.test" in one["name"])
    tls = cluster["transport_socket"]["typed_config"]
    context = tls["common_tls_context"]["validation_context"]
    assert tls["sni"] == "up.test" and context["trusted_ca"] == {"filename": "/ca.pem"}
    assert context["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": "up.test"}}]


def test_levels_of_questions_are_ordered():
    assert widest("plain", "body") == "body" and widest("headers", "nothing") == "headers"
    assert enough("body", "plain") and not enough("plain", "headers") and enough("plain", "plain")
