"""Envoy's configuration as data: host plans and settings in, JSON-ready dictionaries out. Touches no file, no process.

Shape: one listener (`listeners`) whose chains of filters (`manager`, `filters`) mark each request with the host that
its connection is for, and one route table (`routes`) that routes a host's requests only when they bear its mark. What
depends on the rules (who is asked for what) is in the route table alone.

Three `ext_authz` filters stand in every chain, one per kind of question; a route says which one is put. A route that
forgot to would put the plain one, and the decision service refuses to decide on less than the rules need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtls_tui.gateway.envoy.clusters import decision_clusters, upstream_cluster, upstreams
from mtls_tui.gateway.envoy.filters import API, Data
from mtls_tui.gateway.envoy.hostplan import HostPlan
from mtls_tui.gateway.envoy.listeners import Chain, Routes, listener
from mtls_tui.gateway.envoy.routes import ROUTES, route_table
from mtls_tui.gateway.settings import Settings


def bootstrap(settings: Settings, xds: Path, admin: Path, sockets: Sequence[Path]) -> Data:
    """What Envoy starts with: everything of the hosts comes from files in `xds`, so it can change while running."""
    return _frame(settings, admin) | {
        "dynamic_resources": {
            "cds_config": _from_file(xds / "clusters.json"),
            "lds_config": _from_file(xds / "listeners.json"),
        },
        "static_resources": {"clusters": decision_clusters(sockets, settings)},
    }


def complete(
    plans: Sequence[HostPlan], settings: Settings, admin: Path, sockets: Sequence[Path], pairs: Mapping[str, Data]
) -> Data:
    """The same in one piece, everything inline: to validate before anything starts, and to print for people."""

    def routes(chain: Chain) -> Data:
        # Only what can be asked for on this chain: all in each would be the square of them.
        return {"route_config": _untyped(route_table(chain.plans, settings))}

    return _frame(settings, admin) | {
        "static_resources": {
            "listeners": [_untyped(listener(plans, settings, pairs, routes))],
            "clusters": [
                *decision_clusters(sockets, settings),
                *(_untyped(upstream_cluster(upstream, settings)) for upstream in upstreams(plans)),
            ],
        },
    }


def routes_from(path: Path) -> Routes:
    """The route table out of a file, which Envoy watches: one watch for all chains."""
    source = {"rds": {"route_config_name": ROUTES, "config_source": _from_file(path)}}
    return lambda chain: source


def discovery(version: str, resources: Sequence[Data]) -> Data:
    """A file from which Envoy takes resources."""
    return {"version_info": version, "resources": list(resources)}


def tls_files(certificate: Path, key: Path) -> Data:
    """Certificate chain and key by file name."""
    return {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}


def tls_inline(certificate: bytes, key: bytes) -> Data:
    """Certificate chain and key themselves."""
    return {
        "certificate_chain": {"inline_string": certificate.decode("ascii")},
        "private_key": {"inline_string": key.decode("ascii")},
    }


def _frame(settings: Settings, admin: Path) -> Data:
    return {
        "node": {"id": "mtls-tui", "cluster": "mtls-tui"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        # Our own expression (see `stripping`) is larger than what Envoy takes from strangers.
        "layered_runtime": {"layers": [{"name": "own", "static_layer": {"re2.max_program_size.error_level": 20_000}}]},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{API}.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": settings.limits.connections,
                    },
                }
            ]
        },
    }


def _from_file(path: Path) -> Data:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"}


def _untyped(resource: Data) -> Data:
    return {key: value for key, value in resource.items() if key != "@type"}
