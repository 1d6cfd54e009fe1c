"""The one listener, as data: TLS, and which chain of filters a connection comes to by its SNI.

Hosts that show the same server certificate and ask alike for the client's share a chain: a chain costs memory and time
in every thread of Envoy. Which SNI belongs to which chain stands outside of the chains, so that another host changes
none of them, and Envoy keeps their connections.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from mtls_tui.gateway.envoy.filters import API, Data, seconds
from mtls_tui.gateway.envoy.hostplan import HostPlan
from mtls_tui.gateway.envoy.manager import connection_manager
from mtls_tui.gateway.settings import Settings, TlsVersion

Routes: TypeAlias = Callable[["Chain"], Data]
"""Where a chain has its route table from."""
LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener"
SIGNATURES = (
    "ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256",
    "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384", "rsa_pkcs1_sha384",
    "ecdsa_secp521r1_sha512", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha512",
    "ed25519",
)  # fmt: skip
"""In the handshake. BoringSSL's own list, without SHA-1, with Ed25519 and P-521: a client whose kind of key is not
offered sends no certificate, although verification takes it."""
TLS_NAMES: dict[TlsVersion, str] = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}


@dataclass(frozen=True, slots=True)
class Chain:
    """Connections that are treated alike, and the hosts that they are for."""

    name: str
    """By what it does, not by its hosts."""
    mark: str
    """What its requests are marked with: the host that the connection is for, as routes know it."""
    mtls: bool
    pair: Data
    plans: tuple[HostPlan, ...]


SNI = "%REQUESTED_SERVER_NAME%"
UNSERVED = "unserved"
"""The chain for connections whose SNI names no host (or that have none): asks for no certificate, answers 421."""
NOBODY = "-"
"""The mark of its requests, which is not a host."""


def chains(plans: Sequence[HostPlan], pairs: Mapping[str, Data]) -> list[Chain]:
    """One chain for all hosts with the same server certificate that ask alike for the client's; one for each wildcard.

    A connection for a wildcard can't be marked by its SNI: hosts of their own below the wildcard are not part of it.
    """
    shared: dict[tuple[str, bool], list[HostPlan]] = {}
    own: list[Chain] = []
    for plan in plans:
        if plan.name.startswith("*."):
            own.append(Chain(plan.name, plan.name, plan.mtls, pairs[plan.name], (plan,)))
        else:
            certificate = json.dumps(pairs[plan.name]["certificate_chain"], sort_keys=True)
            shared.setdefault((certificate, plan.mtls), []).append(plan)
    return [
        *(
            Chain(
                f"{'mtls' if mtls else 'tls'}-{sha256(certificate.encode()).hexdigest()[:16]}",
                SNI, mtls, pairs[hosts[0].name], tuple(hosts),
            )
            for (certificate, mtls), hosts in shared.items()
        ),
        *own,
    ]  # fmt: skip


def listener(plans: Sequence[HostPlan], settings: Settings, pairs: Mapping[str, Data], routes: Routes) -> Data:
    """The one listener. `pairs`: certificate and key by host; `routes`: where a chain has its route table from.

    Certificates stand in here, so that a changed one drains the connections of its own hosts and no others. The first
    host's is shown to connections that ask for none of our hosts.
    """
    host, port = settings.listen
    limits = settings.limits
    made = chains(plans, pairs)
    return {
        "@type": LISTENER_TYPE,
        "name": "gateway",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "listener_filters": [
            {
                "name": "tls-inspector",
                "typed_config": {"@type": f"{API}.filters.listener.tls_inspector.v3.TlsInspector"},
            }
        ],
        "listener_filters_timeout": seconds(limits.handshake_seconds),
        "tcp_backlog_size": 1024,
        "filter_chain_matcher": _by_sni(made),
        "filter_chains": [_filter_chain(chain, settings, routes) for chain in made],
        "default_filter_chain": _filter_chain(
            Chain(UNSERVED, NOBODY, False, pairs[plans[0].name], ()), settings, routes
        ),
    }


def _by_sni(made: Sequence[Chain]) -> Data:
    """The chain of a connection: that of the most specific name. Without one it comes to the default chain."""
    sni = {"name": "sni", "typed_config": {"@type": f"{API}.matching.common_inputs.network.v3.ServerNameInput"}}
    exact: Data = {}
    wild: list[tuple[str, Data]] = []
    for chain in made:
        name = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": chain.name}
        leads = {"action": {"name": chain.name, "typed_config": name}}
        for plan in chain.plans:
            if plan.name.startswith("*."):
                wild.append((plan.name[1:], leads))
            else:
                exact[plan.name] = leads
    by_suffix = [
        {"predicate": {"single_predicate": {"input": sni, "value_match": {"suffix": suffix}}}, "on_match": leads}
        for suffix, leads in sorted(wild, key=lambda one: -len(one[0]))
    ]
    below: Data = {"on_no_match": {"matcher": {"matcher_list": {"matchers": by_suffix}}}} if by_suffix else {}
    if not exact:
        return {"matcher_list": {"matchers": by_suffix}}
    return {"matcher_tree": {"input": sni, "exact_match_map": {"map": exact}}} | below


def _filter_chain(chain: Chain, settings: Settings, routes: Routes) -> Data:
    return {
        "name": chain.name,
        "transport_socket_connect_timeout": seconds(settings.limits.handshake_seconds),
        "transport_socket": _tls(chain.pair, chain.mtls, settings),
        "filters": [connection_manager(chain.mark, routes(chain), settings, mtls=chain.mtls)],
    }


def _tls(pair: Data, mtls: bool, settings: Settings) -> Data:
    parameters: Data = {
        "tls_minimum_protocol_version": TLS_NAMES[settings.tls_minimum],
        "tls_maximum_protocol_version": TLS_NAMES[settings.tls_maximum],
        "signature_algorithms": list(SIGNATURES),
    }
    if settings.tls_ciphers:
        parameters["cipher_suites"] = list(settings.tls_ciphers)
    common: Data = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": parameters,
        "tls_certificates": [pair],
    }
    if mtls:
        # Any certificate is taken: the rules decide, on our own verification. Without this context none is asked for.
        common["validation_context"] = {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
    return {
        "name": "tls",
        "typed_config": {
            "@type": f"{API}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
            "require_client_certificate": False,
            # A resumed session would skip the certificate, or carry one past its revocation or to another host.
            "disable_stateless_session_resumption": True,
            "disable_stateful_session_resumption": True,
        },
    }
