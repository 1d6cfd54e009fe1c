"""`mtls-tui authz` behind the real proxies, by the samples of docs/proxies as they stand: only paths and ports differ.

Each proxy is skipped where it isn't installed. `CADDY` in the environment names another Caddy.
"""

import contextlib
import datetime
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.gateway import GatewayError, stripping
from mtls_tui.gateway.envoy import binary as envoy
from mtls_tui.gateway.workers.processes import free_port
from mtls_tui.pki import issue
from tests.gateway.site import KINDS, Site, poll
from tests.gateway.test_authz import authz
from tests.gateway.test_headers import FORGED, FORWARDING, HONEST
from tests.gateway.upstream import Upstream
from tests.gateway.wire import Connection

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("proxies")]

SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "proxies"
API = "api.example.com"
ALL_KINDS = (*KINDS, "intermediate")
PROXIES = ["nginx", "haproxy", "caddy", "envoy"]
BLOCKED = {"nginx": 403, "haproxy": 403, "caddy": 451, "envoy": 451}
"""What a client sees of a rule's 451: nginx and the sample of HAProxy make it 403."""
LEAF_ONLY = ("nginx", "caddy")
"""They pass no intermediates."""


@dataclass
class Behind:
    name: str
    files: Site
    upstream: Upstream
    port: int
    service: object = None

    def connect(self, kind="none", sni=API, alpn="http/1.1"):
        return Connection(self.port, sni, self.files.client(kind), alpn=alpn)

    def get(self, path, *, kind="none", host=API, sni=API, alpn="http/1.1", headers=()):
        with self.connect(kind, sni, alpn) as connection:
            get = connection.get if alpn == "http/1.1" else connection.h2_get
            return get(path, host, headers=headers)

    def received(self, answer):
        assert answer.status == 200, answer
        return [(name.lower(), value) for name, value in json.loads(answer.body)["headers"]]


def intermediate(site):
    """A leaf below an intermediate of the site's authority; both are presented."""
    roles, day = site.roles, datetime.timedelta(days=1)
    issuer = roles.authority
    key, middle_key = issue.generate_key(), issue.generate_key()
    middle = (
        x509.CertificateBuilder()
        .subject_name(issue.common_name("Intermediate"))
        .issuer_name(issuer.certificate.subject)
        .public_key(middle_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(roles.at - day)
        .not_valid_after(roles.at + day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .sign(issuer.key, hashes.SHA256())
    )
    leaf = issue.end_entity(
        issue.Issuer(middle, middle_key), issue.common_name("below"), key.public_key(),
        not_before=roles.at - day, not_after=roles.at + day,
    )  # fmt: skip
    site.chains["intermediate"] = (leaf, middle)
    site.write_client("intermediate", (leaf, middle), key)


def binary(name):
    if name == "envoy":
        try:
            return str(envoy.find())
        except GatewayError as error:
            pytest.skip(str(error))
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = os.environ.get(name.upper()) or shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    if name == "caddy":
        version = subprocess.run([found, "version"], capture_output=True, text=True, timeout=60, check=False).stdout
        known = re.match(r"v?(\d+)\.(\d+)", version)
        if known and (int(known[1]), int(known[2])) < (2, 11):
            pytest.skip(f"the sample is for Caddy 2.11 or later, and this is {version.strip()}")
    return found


@pytest.fixture(scope="module")
def files():
    """Files and bundle: everything but /hook/ needs a certificate. In a short path that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="proxies", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        made = Site(Path(folder), 9)
        intermediate(made)
        rules = {rule.ref: rule for rule in made.rules}
        needs = '(http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified and not starts_with(http.request.uri.path, "/hook/"))'  # noqa: E501
        twice = '(http.host eq "api.example.com" and any(http.request.headers["x-tag"][*] eq "evil"))'
        mtls = msgspec.structs.replace(rules["mtls"], expression=needs)
        tag = msgspec.structs.replace(rules["tag"], expression=twice)
        # The intermediate has published no revocation list.
        hosts = (made.host(API, crl_policy="soft"), *made.hosts()[1:])
        made.write(hosts=hosts, rules=(mtls, rules["revoked"], tag))
        (made.folder / "both.pem").write_bytes(
            (made.folder / "server.pem").read_bytes() + (made.folder / "server.key").read_bytes()
        )
        shutil.copy(made.server_ca, made.folder / "ca.pem")
        yield made
        if keep := os.environ.get("KEEP_LOG"):
            shutil.copy(made.log, keep)


@pytest.fixture(scope="module", params=PROXIES)
def proxied(request, files):
    """A running proxy by its sample, with decision service and upstream."""
    name, folder = request.param, files.folder
    program = binary(name)
    port, service = free_port("127.0.0.1", 0), free_port("127.0.0.1", 0)
    with Upstream() as upstream, contextlib.ExitStack() as stack:
        ports = {"127.0.0.1:8443": f"127.0.0.1:{port}", "127.0.0.1:8080": f"127.0.0.1:{upstream.port}"}
        listen, options = f"127.0.0.1:{service}", []
        environment = dict(os.environ)
        if name == "nginx":
            listen = f"unix:{folder}/authz.sock"
            command, options = nginx(program, folder, ports)
        elif name == "haproxy":
            paths = {"/etc/haproxy/server.both.pem": f"{folder}/both.pem", "/etc/haproxy/": f"{folder}/"}
            sample(folder, "mtls-tui.lua", {"127.0.0.1:9000": f"127.0.0.1:{service}"})
            command = [program, "-db", "-f", str(sample(folder, "haproxy.cfg", ports | paths))]
        elif name == "caddy":
            # The site's address has no port: Caddy's own option says which one, and no other is opened.
            changes = {"127.0.0.1:9000": f"127.0.0.1:{service}", "/etc/mtls-tui": str(folder),
                       "127.0.0.1:8080": f"127.0.0.1:{upstream.port}"}  # fmt: skip
            path = sample(folder, "Caddyfile", changes)
            own = f"{{\n admin off\n auto_https disable_redirects\n https_port {port}\n default_bind 127.0.0.1\n}}\n"
            path.write_text(own + path.read_text())
            command = [program, "run", "--adapter", "caddyfile", "--config", str(path)]
            environment |= {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
        else:
            changes = {"port_value: 8443": f"port_value: {port}", "port_value: 9000": f"port_value: {service}",
                       "port_value: 8080": f"port_value: {upstream.port}", "/etc/mtls-tui": str(folder)}  # fmt: skip
            path = sample(folder, "envoy.yaml", changes)
            command = [program, "--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c", str(path)]
        running = stack.enter_context(authz(files, name, listen, *options))
        output = stack.enter_context((folder / f"{name}.out").open("wb"))
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            poll(lambda: is_open(port, process, folder / f"{name}.out"), 60)
            yield Behind(name, files, upstream, port, running)
        finally:
            process.terminate()
            process.wait(20)


def nginx(program, folder, ports):
    """As root, the sample's user, with the very options that it names; else as ourselves."""
    group, user = "www-data", "www-data"
    if os.geteuid() != 0 or user not in {one.pw_name for one in pwd.getpwall()}:
        group, user = str(os.getegid()), pwd.getpwuid(os.geteuid()).pw_name
    paths = {"/etc/mtls-tui": str(folder), "/run/mtls-tui/authz.sock": f"{folder}/authz.sock"}
    paths |= {"/run/nginx.pid": f"{folder}/nginx.pid", "/var/log/nginx": str(folder), "/etc/nginx/": f"{folder}/"}
    sample(folder, "mtls-tui-strip.conf", {})
    config = sample(folder, "nginx.conf", ports | paths)
    kinds = ("proxy", "fastcgi", "uwsgi", "scgi", "client_body")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds)
    text = config.read_text().replace("http {", f"http {{ {temporary}", 1)
    config.write_text(text if user == "www-data" else text.replace("user www-data;", ""))
    options = ["--socket-group", group, "--trust", f"user:{user}"]
    assert " ".join(options) in config.read_text().replace(" \\\n#      ", "") or user != "www-data"
    return [program, "-c", str(config), "-g", "daemon off;", "-p", str(folder)], options


def sample(folder, name, changes):
    """A sample's text with the paths and ports of this test."""
    text = (SAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text)
    return path


def is_open(port, process, output):
    assert process.poll() is None, output.read_text()
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_of_certificate_gets_the_verdict_of_the_rules(proxied, kind, alpn):
    allowed = kind in ("good", "no_purpose", "stuffed") or (kind == "intermediate" and proxied.name not in LEAF_ONLY)
    expected = 200 if allowed else 403 if kind == "revoked" else BLOCKED[proxied.name]
    if proxied.name == "nginx" and kind in ("expired", "not_yet_valid"):
        expected = 400  # nginx's own, see the sample
    path = f"/{kind}/{alpn}"
    answer = proxied.get(path, kind=kind, alpn=alpn)
    assert answer.status == expected
    assert len(proxied.upstream.seen(path)) == (1 if allowed else 0)
    if allowed:
        leaf = b64encode(proxied.files.chains[kind][0].public_bytes(Encoding.DER)).decode()
        found = proxied.received(answer)
        assert [value for name, value in found if name == "client-cert"] == [f":{leaf}:"]


@pytest.mark.parametrize("kind", ["good", "none", "foreign", "revoked"])
@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_only_a_verified_certificate_is_told_and_nothing_that_a_client_wrote(proxied, kind, alpn):
    names = list(dict.fromkeys(name.lower() for name in [*FORGED, *FORWARDING, *stripping.KNOWN]))
    if proxied.name in ("nginx", "envoy"):
        # They refuse or drop such names on their own; Envoy refuses bars in HTTP/2.
        names = [name for name in names if "|" not in name]
    leaf = b64encode(proxied.files.chains["good"][0].public_bytes(Encoding.DER)).decode()
    for start in range(0, len(names), 40):
        forged = [(name, "forged") for name in names[start : start + 40]]
        forged += [("x-client-cert", leaf), ("client-cert", f":{leaf}:"), ("client_cert", f":{leaf}:")]
        forged += [("x_tenant", "forged")]  # `X-Tenant` to many a server
        answer = proxied.get("/hook/forged", kind=kind, alpn=alpn, headers=forged)
        if kind == "revoked":
            assert answer.status == 403
            continue
        found = proxied.received(answer)
        assert [pair for pair in found if "forged" in pair[1]] == []
        told = [pair for pair in found if leaf in pair[1]]
        assert told == ([("client-cert", f":{leaf}:")] if kind == "good" else [])


def test_no_other_spelling_of_a_name_that_stands_for_a_certificate_arrives(proxied):
    """nginx can remove whole names only: what it can't, the decision service refuses."""
    names = [text for name in stripping.CERTIFICATES for text in (f"x-my-{name}-of", name.replace("-", ""),
             name.replace("-", "."), name.replace("-", "_"), f"HTTP-{name}")]  # fmt: skip
    before = len(proxied.upstream.requests)
    with proxied.connect("good") as connection:
        for name in names:
            assert connection.get("/hook/spelled", API, headers=[(name, "forged")]).status in (200, 403), name
    arrived = proxied.upstream.requests[before:]
    assert arrived and not [head for head in arrived if b"forged" in head]
    if proxied.name != "nginx":
        assert len(arrived) == len(names)


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_honest_headers_arrive(proxied, alpn):
    # Caddy can remove names by plain parts only.
    lost = ("X-Concert-Id", "X-Certain", "X-Original", "Sslike") if proxied.name == "caddy" else ()
    honest = [(name.lower(), "honest") for name in HONEST if name not in lost]
    found = proxied.received(proxied.get("/hook/honest", alpn=alpn, headers=honest))
    assert set(honest) <= set(found)


def test_upstream_learns_the_clients_address_from_the_proxy(proxied):
    forged = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "gopher"), ("Forwarded", "for=6.6.6.6")]
    found = dict(proxied.received(proxied.get("/hook/from", headers=forged)))
    assert (found["x-forwarded-for"], found["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert "forwarded" not in found


HOSTS = [API, "API.Example.COM", f"{API}:8443", f"{API}.", "www.example.com", "pay.example.com", f"evil.{API}",
         "nowhere.test", f"{API}:x", "", f"{API},www.example.com"]  # fmt: skip
NAMES = [API, "API.EXAMPLE.COM", "www.example.com", "nowhere.test", None]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("sni", NAMES)
def test_host_counts_only_on_connections_to_it(proxied, host, sni):
    before = len(proxied.upstream.requests)
    try:
        answer = proxied.get("/hook/host", host=host, sni=sni)
    except OSError:
        answer = None  # no handshake
    arrived = proxied.upstream.requests[before:]
    name = re.sub(r":\d+$", "", host.lower()).removesuffix(".")
    served = (API, "www.example.com") if proxied.name == "haproxy" else (API,)  # it serves all names of its certificate
    if proxied.name in ("haproxy", "nginx") and host == f"{API}:x":
        name = API  # what follows the colon is cut, for the upstream too
    if name in served and (sni or "").lower() == name:
        if not (proxied.name == "caddy" and host.endswith(".")):  # Caddy serves no name with a final dot
            assert answer is not None and answer.status == 200 and len(arrived) == 1
    else:
        assert arrived == [] and (answer is None or answer.status != 200 or answer.body == b"")
    for head in arrived:
        hosts = [line.partition(":")[2] for line in head.decode().lower().split("\r\n") if line.startswith("host:")]
        assert [re.sub(r":\d+$", "", one.strip()).removesuffix(".") for one in hosts] == [name]


def test_second_host_and_absolute_target_do_not_fool_the_upstream(proxied):
    before = len(proxied.upstream.requests)
    with proxied.connect() as connection:
        twice = f"GET /hook/twice HTTP/1.1\r\nHost: {API}\r\nHost: www.example.com\r\n\r\n"
        connection.send(twice.encode())
        assert connection.read().status != 200
    assert proxied.upstream.requests[before:] == []
    for host in (API, "www.example.com"):
        with proxied.connect() as connection:
            connection.send(f"GET http://{host}/hook/absolute HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            connection.read()
    for head in proxied.upstream.requests[before:]:
        assert head.startswith(b"GET /hook/absolute HTTP/1.1\r\n")
        assert re.search(rb"(?im)^host: api\.example\.com\r?$", head)


@pytest.mark.parametrize(
    "path", ["/hook/../admin", "/hook/%2e%2e/admin", "/hook/%2F..%2Fadmin", "/hook//../admin", "/hook/..%5cadmin",
             "//admin", "/hook/./x", "/%68ook/x"],
)  # fmt: skip
def test_no_spelling_of_a_path_leaves_the_open_part(proxied, path):
    before = len(proxied.upstream.requests)
    with proxied.connect() as connection:
        connection.get(path, API)
    for head in proxied.upstream.requests[before:]:
        assert head.split(b" ")[1].startswith(b"/hook/") and b".." not in head.split(b" ")[1]


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_rule_sees_every_line_of_a_doubled_header(proxied, alpn):
    for values, status in ((["good", "fine"], 200), (["good", "evil"], 403), (["evil"], 403)):
        headers = [("x-tag", value) for value in values]
        assert proxied.get("/hook/tag", alpn=alpn, headers=headers).status == status


def test_session_is_not_resumed(proxied):
    with proxied.connect("good") as first:
        assert first.get("/first", API).status == 200
        session = first.tls.session
        context = first.context
    with Connection(proxied.port, API, context=context, session=session) as second:
        assert not second.tls.session_reused


def test_without_a_decision_nothing_passes(proxied):
    """The last test: it ends the decision service."""
    proxied.service.terminate()
    proxied.service.wait(20)
    before = len(proxied.upstream.requests)
    for kind in ("good", "none"):
        assert proxied.get("/hook/dead", kind=kind).status in (403, 500, 502, 503)
    assert proxied.upstream.requests[before:] == []


# --- what needs no proxy ----------------------------------------------------------------------------------------------


def test_samples_strip_the_names_that_the_gateway_strips():
    """One list, in `stripping`: expressions where a proxy takes such, whole names where not."""
    haproxy, fleet = (SAMPLES / "haproxy.cfg").read_text(), (SAMPLES / "envoy.yaml").read_text()
    assert re.findall(r"del-header '\^\(\?:(.*)\)\$' -m reg", haproxy) == list(stripping.alternatives())
    assert re.findall(r"safe_regex: { regex: '(.*)' }", fleet) == list(stripping.alternatives())
    caddy = re.findall(r"request_header -(\S+)", (SAMPLES / "Caddyfile").read_text())
    assert [name for name in stripping.KNOWN if not any(fnmatchcase(name, one) for one in caddy)] == []
    listed = re.findall(r'(?m)^proxy_set_header (\S+) "";$', (SAMPLES / "mtls-tui-strip.conf").read_text())
    assert [name.lower() for name in listed] == list(stripping.KNOWN)
    section = (SAMPLES / "traefik.yaml").read_text().partition("    strip:\n")[2].partition("    forget:\n")[0]
    names = [name.lower() for name in re.findall(r'(?m)^ +([A-Za-z0-9-]+): ""$', section)]
    own = {"x-forwarded-host", "x-forwarded-port", "x-forwarded-server", "x-real-ip"}
    assert names == [name for name in stripping.KNOWN if name not in own]
    assert all(re.fullmatch(stripping.pattern(), name) for name in stripping.KNOWN)
    plain = {name.lower() for name in [*FORGED, *FORWARDING] if re.fullmatch("[A-Za-z0-9-]+", name)}
    assert plain <= set(stripping.KNOWN)
