"""The hosts that `--host` names, among those that the files have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mtls_tui.cli.errors import InputError
from mtls_tui.engine import hostnames
from mtls_tui.simulate.style import safe


def named_hosts(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """The names in comparable form. `InputError` for a host that no file has: everything would be proved of it."""
    hosts = {host: host for host in known}
    wanted = []
    for given in names:
        try:
            name = hostnames.configured(given)
        except hostnames.HostnameError as error:
            raise InputError(f"--host: `{safe(given)}` is not a host name: {error}") from None
        if hostnames.serving(name, hosts) is None:
            raise InputError(f"there is no host `{safe(given)}`: the file has {', '.join(sorted(hosts)) or 'none'}")
        wanted.append(name)
    return list(dict.fromkeys(wanted))
