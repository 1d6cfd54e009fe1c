"""The decision service's end of the wire: what clients choose fills no memory of a connection that lives on."""

import pytest

pytest.importorskip("httptools", reason="the extra `gateway` is not installed")

from mtls_tui.gateway.accesslog import LogWriter
from mtls_tui.gateway.service import LONGEST_KEPT_NAME, Connection, Service


def test_header_names_that_clients_invent_are_kept_in_bounded_memory():
    connection = Connection(Service(LogWriter(None), 100))
    for number in range(1000):
        connection._reset()
        connection.on_header(b"X-%d-" % number + b"y" * 50_000, b"")
        connection.on_header(b"X-Short-%d" % number, b"")
        assert [name[:2] for name, _ in connection._headers] == ["x-", "x-"]
    assert sum(map(len, connection._names)) <= 257 * LONGEST_KEPT_NAME
