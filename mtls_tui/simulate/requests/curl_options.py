"""curl's options as data: which take an argument, which change the request, which don't matter to a rule.

`QUIET` options change nothing that the server sees. `SAID` options could; we don't act on them, so they are said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SHORT: Final[dict[str, str]] = {
    "0": "http1.0", "1": "tlsv1", "2": "sslv2", "3": "sslv3", "4": "ipv4", "6": "ipv6", ":": "next", "a": "append",
    "A": "user-agent", "b": "cookie", "B": "use-ascii", "c": "cookie-jar", "C": "continue-at", "d": "data",
    "D": "dump-header", "e": "referer", "E": "cert", "f": "fail", "F": "form", "g": "globoff", "G": "get",
    "h": "help", "H": "header", "i": "include", "I": "head", "j": "junk-session-cookies", "J": "remote-header-name",
    "k": "insecure", "K": "config", "l": "list-only", "L": "location", "m": "max-time", "M": "manual", "n": "netrc",
    "N": "no-buffer", "o": "output", "O": "remote-name", "p": "proxytunnel", "P": "ftp-port", "q": "disable",
    "Q": "quote", "r": "range", "R": "remote-time", "s": "silent", "S": "show-error", "t": "telnet-option",
    "T": "upload-file", "u": "user", "U": "proxy-user", "v": "verbose", "V": "version", "w": "write-out",
    "x": "proxy", "X": "request", "y": "speed-time", "Y": "speed-limit", "z": "time-cond", "Z": "parallel",
    "#": "progress-bar",
}  # fmt: skip
"""Short option to long name."""

ACTED_WITH_ARGUMENT: Final = frozenset((
    "cert", "cert-type", "cookie", "data", "data-ascii", "data-binary", "data-raw", "data-urlencode", "form",
    "form-string", "header", "json", "key", "key-type", "oauth2-bearer", "pass", "range", "referer", "request",
    "tls-max", "upload-file", "url", "url-query", "user", "user-agent",
))  # fmt: skip
ACTED_WITHOUT_ARGUMENT: Final = frozenset((
    "compressed", "get", "globoff", "head", "http0.9", "http1.0", "http1.1", "http2", "http2-prior-knowledge",
    "http3", "http3-only", "next", "path-as-is", "tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3",
))  # fmt: skip
QUIET_WITH_ARGUMENT: Final = frozenset((
    "cacert", "capath", "connect-timeout", "cookie-jar", "create-file-mode", "crlfile", "dump-header", "etag-save",
    "expect100-timeout", "happy-eyeballs-timeout-ms", "hostpubmd5", "hostpubsha256", "keepalive-cnt",
    "keepalive-time", "libcurl", "limit-rate", "max-filesize", "max-redirs", "max-time", "output", "output-dir",
    "parallel-max", "parallel-max-host", "pinnedpubkey", "rate", "retry", "retry-delay", "retry-max-time",
    "speed-limit", "speed-time", "stderr", "trace", "trace-ascii", "trace-config", "write-out",
))  # fmt: skip
QUIET_WITHOUT_ARGUMENT: Final = frozenset((
    "append", "basic", "cert-status", "create-dirs", "disable", "fail", "fail-early", "fail-with-body", "include",
    "ipv4", "ipv6", "junk-session-cookies", "keepalive", "list-only", "location", "no-alpn", "no-basic", "no-buffer",
    "no-clobber", "no-keepalive", "no-progress-meter", "no-sessionid", "no-verbose", "parallel", "parallel-immediate",
    "progress-bar", "progress-meter", "raw", "remote-header-name", "remote-name", "remote-name-all", "remote-time",
    "remove-on-error", "retry-all-errors", "retry-connrefused", "sessionid", "show-error", "silent",
    "ssl-allow-beast", "ssl-auto-client-cert", "ssl-no-revoke", "ssl-revoke-best-effort", "styled-output",
    "suppress-connect-headers", "tcp-fastopen", "tcp-nodelay", "test-event", "tr-encoding", "trace-ids", "trace-time",
    "use-ascii", "verbose", "xattr",
))  # fmt: skip


def _by_name(reasons: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: reason for reason, names in reasons.items() for name in names}


SAID_WITH_ARGUMENT: Final = _by_name({
    "the host comes from the URL; where its name leads doesn't matter to a rule": ("resolve", "connect-to"),
    "a proxy on the way is not simulated; give the client's address with --ip": (
        "proxy", "preproxy", "socks4", "socks4a", "socks5", "socks5-hostname",
    ),
    "a proxy on the way is not simulated": (
        "noproxy", "proxy-user", "proxy-header", "proxy-key", "proxy-pass", "proxy-cacert",
    ),
    "a proxy on the way is not simulated; --cert is the client's certificate": ("proxy-cert",),
    "the client's address is not taken from an interface; give it with --ip": ("interface",),
    "give the client's address with --ip": ("haproxy-clientip",),
    "the configuration file is not read; write its options on the command line": ("config",),
    "variables are not expanded": ("variable",),
    "the file is not read; write the credentials with -u": ("netrc-file",),
    "the signature header is not computed": ("aws-sigv4",),
    "no authentication but Basic and Bearer is simulated": ("delegation",),
    "the cipher suite is not negotiated here; set it with --set cf.tls_cipher=…": ("ciphers", "tls13-ciphers"),
    "TLS is not spoken here": ("curves",),
    "keys in an engine can't be read here": ("engine",),
    "the Range header is not computed; write it with -H": ("continue-at",),
    "the If-Modified-Since header is not computed; write it with -H": ("time-cond",),
    "the If-None-Match header is not computed; write it with -H": ("etag-compare",),
    "the file is not read": ("hsts", "alt-svc"),
    "names are not resolved here": ("doh-url", "dns-servers"),
    "the client's port doesn't matter to a rule": ("local-port",),
    "the request is not sent": ("unix-socket", "abstract-unix-socket"),
    "put the target into the URL": ("request-target",),
    "the scheme comes from the URL": ("proto", "proto-default"),
    "redirects are not followed": ("proto-redir",),
    "this is for FTP": ("quote", "ftp-port"),
    "this is for TELNET": ("telnet-option",),
})  # fmt: skip
SAID_WITHOUT_ARGUMENT: Final = _by_name({
    "-k is about the server's certificate; the client's is still judged by the host's anchors": ("insecure",),
    "the Authorization header of this scheme is not computed": ("digest", "ntlm", "negotiate", "anyauth"),
    "the file is not read; write the credentials with -u": ("netrc", "netrc-optional"),
    "redirects are not followed": ("location-trusted", "post301", "post302", "post303"),
    "give the client's address with --ip": ("haproxy-protocol",),
    "a proxy on the way is not simulated": ("proxytunnel", "proxy-insecure"),
    "this protocol is dead; TLS 1.3 is assumed": ("sslv2", "sslv3"),
    "TLS is not spoken here": ("false-start",),
    "this is for mail and FTP": ("ssl", "ssl-reqd"),
    "line ends of an upload are not converted": ("crlf",),
    "this prints curl's manual": ("manual",),
    "this prints curl's help": ("help",),
    "this prints curl's version": ("version",),
})  # fmt: skip
"""What is said of each option; every reason with the options that it is said of."""

TAKES_ARGUMENT: Final = ACTED_WITH_ARGUMENT | QUIET_WITH_ARGUMENT | SAID_WITH_ARGUMENT.keys()
KNOWN: Final = TAKES_ARGUMENT | ACTED_WITHOUT_ARGUMENT | QUIET_WITHOUT_ARGUMENT | SAID_WITHOUT_ARGUMENT.keys()
