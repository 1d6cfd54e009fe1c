"""Damaged input of every kind, for every reader: a crash is any exception but the documented one, or a case too slow.

    python tests/fuzz.py --minutes 3 --seed 1
    python tests/fuzz.py --only curl --case 1234

Each case is made from the seed, the reader's name and its number, so that it can be repeated alone. Ends with exit code
1 when something crashed, and prints how to repeat it. Minutes; not part of the suite.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cryptography_vectors
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import lang, pki, rulefile, targets
from mtls_tui.analysis import findings_of
from mtls_tui.engine import compile as compiled
from mtls_tui.engine.bundle import BundleError, digest_of
from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.engine.sets import ListError
from mtls_tui.pki.errors import LoadError, StoreError
from mtls_tui.pki.inventory import Inventory, InventoryError
from mtls_tui.pki.load import presented_certificates
from mtls_tui.rulefile import RuleFileError
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.formats import reader_for
from mtls_tui.simulate.logs.parts import PARTS, reading
from mtls_tui.simulate.requests.curl import parse_curl
from mtls_tui.simulate.requests.har import entries
from mtls_tui.simulate.requests.message import from_json
from mtls_tui.simulate.requests.url import from_url
from mtls_tui.tui.app import settings
from mtls_tui.tui.files import draft

ROOT = Path(__file__).parents[1]
VECTORS = Path(cryptography_vectors.__file__).parent / "x509"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SLOW = 5
"""Seconds of processor time that no case of a few kilobytes may take."""
REQUEST = HttpRequest(method="GET", scheme="https", host="api.example.com", target="/a?b=1", client_ip="192.0.2.1")
TOKENS = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\\", b'"', b"'", b"`", b"\n", b"\r\n", b"{", b"}", b"[", b"]", b"(", b")", b"%",
    b"$", b"://", b":", b"@", b"=", b"-", b"0", b"-1", b"9" * 30, b"9" * 5000, b"1e999", b"NaN", b"inf", b"null",
    b"true", b"{}", b"[]", b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"[" * 2000, b"{0,65535}", b"..", b"\\ud800",
    b"\\x00", b"$'\\x00\\xff'", b"not ", b" and ", b"*", b"//", b"a" * 300,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1 << 63, 10**30, 1.5, 1e308, "", "a", "\0", "😀", "*.", "../..", "a" * 3000, [], {}, [[]], [{}],
    {"a": 1}, ["a"], "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ssl", "192.0.2.0/99",
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """What is fuzzed: seeds, how they are damaged, what reads them, and the errors that it documents."""

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    damage: Callable[[random.Random, bytes, list[bytes]], bytes]


# --- damage -----------------------------------------------------------------------------------------------------------


def damaged_bytes(dice: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    """Some bytes, tokens or pieces changed, put in, taken out or doubled."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(out) + 1)
        end = min(len(out), at + dice.choice((1, 1, 2, 8, 64, 400)))
        match dice.randrange(7):
            case 0:
                out[at:end] = dice.randbytes(end - at)
            case 1:
                out[at:at] = dice.choice(TOKENS)
            case 2:
                out[at:end] = dice.choice(TOKENS)
            case 3:
                del out[at:end]
            case 4:
                out[at:at] = out[at:end] * dice.choice((1, 2, 50))
            case 5:
                other = dice.choice(seeds)
                begin = dice.randrange(len(other) + 1)
                out[at:end] = other[begin : begin + dice.choice((4, 40, 400))]
            case 6:
                if at < len(out):
                    out[at] ^= 1 << dice.randrange(8)
    return bytes(out[:200_000])


def damaged_json(dice: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    """Values of the document replaced, renamed, left out, doubled or taken from elsewhere in it."""
    document = json.loads(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        spots = list(places(document))
        if not spots:
            break
        holder, key = dice.choice(spots)
        match dice.randrange(6):
            case 0 | 1:
                holder[key] = copy.deepcopy(dice.choice(VALUES))
            case 2:
                other, name = dice.choice(spots)
                holder[key] = copy.deepcopy(other[name])
            case 3:
                del holder[key]
            case 4 if isinstance(holder, dict):
                holder[dice.choice(("x", "", "version", "name", "expression"))] = holder.pop(key)
            case _:
                if isinstance(holder[key], str):
                    text = damaged_bytes(dice, holder[key].encode(), seeds)
                    holder[key] = text.decode("utf-8", "replace")
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def places(value: Any) -> Any:
    """Every place in a document, as its container and key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from places(inner)


def damaged_either(dice: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    """Damage of the document or of its bytes."""
    try:
        return (damaged_json if dice.random() < 0.6 else damaged_bytes)(dice, data, seeds)
    except ValueError:
        return damaged_bytes(dice, data, seeds)


def damaged_der(dice: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    """The bytes inside a PEM block, damaged and written as DER; or the text of the file."""
    if data.startswith(b"-----") and dice.random() < 0.8:
        with suppress(LoadError):
            data = pki.load_certificates(data)[0].public_bytes(Encoding.DER)
    return damaged_bytes(dice, data, seeds)


def bundle_with_digest(inner: bytes) -> bytes:
    """A bundle file around canonical bytes, with the right digest."""
    raw = json.dumps(json.loads(inner), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return b'{"bundle":' + raw + b',"digest":"' + digest_of(raw).encode() + b'"}\n'


# --- readers ----------------------------------------------------------------------------------------------------------


def texts(*lines: str) -> Callable[[], list[bytes]]:
    return lambda: [line.encode() for line in lines]


@cache
def expressions() -> list[bytes]:
    out: list[bytes] = []
    for path in sorted((ROOT / "sample_rules").glob("**/*.rules.toml")):
        out.extend(rule.expression.encode() for rule in rulefile.load(path, strict=False).rules)
    out.append(b'http.host matches r"^(a|b){2,5}[^c]*$" and any(http.request.headers["x-y"][*] contains "\\x41")')
    out.append(b"ip.src in {192.0.2.0/24 2001:db8::1..2001:db8::9} or cf.waf.score in {1..20 30}")
    out.append(b'lower(substring(http.host, 0, -3)) wildcard "*.a" xor len(http.request.uri.args["a"][0]) gt 3')
    return out


def read_expression(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    expression = lang.parse(text, max_length=None)
    again = lang.parse(lang.format(expression), max_length=None)
    assert lang.format(again) == lang.format(expression), "format is not stable"
    compiled(expression)({})


def sample_files() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "sample_rules").glob("**/*.rules.toml"))]


def read_rule_file(data: bytes) -> None:
    found = rulefile.from_bytes(data, path=None, folder=ROOT / "sample_rules")
    findings_of(found, NOW)


def bundles() -> list[bytes]:
    pems = [path.read_text() for path in certificate_files()[:3] if path.suffix == ".pem"]
    host = {
        "name": "api.example.com", "mtls": True, "anchors": pems[:1], "intermediates": [], "crls": [], "crl_files": [],
        "crl_policy": None, "revocation": "leaf", "upstream": "http://127.0.0.1:8080", "upstream_ca": None,
        "server_certificate": None, "server_key": None,
    }  # fmt: skip
    rule = {
        "ref": "r", "expression": '(http.host eq "api.example.com" and ip.src in $office)', "action": "block",
        "description": "", "enabled": True, "shadow": False,
        "response": {"status": 403, "content_type": "text/plain", "body": "no"},
    }  # fmt: skip
    lists = {"office": {"kind": "ip", "items": ["192.0.2.0/24"]}, "names": {"kind": "hostname", "items": ["a.b"]}}
    bundle = {
        "version": 1, "created": "2026-01-01T00:00:00Z", "anchors": [], "intermediates": [], "crls": [],
        "crl_files": [], "hosts": [host, {"name": "*.example.com", "mtls": False}], "lists": lists, "rules": [rule],
    }  # fmt: skip
    return [json.dumps(bundle).encode()]


def read_bundle(data: bytes) -> None:
    policy = Policy.from_bundle_bytes(bundle_with_digest(data))
    policy.decide(REQUEST, (), NOW)


CURLS = texts(
    "curl 'https://api.example.com/a?b=1' -H 'accept: */*' -H $'x: \\'\\xe9' --compressed -b 'a=1; b=2' -X POST",
    "curl -u user:pass --data-raw '{\"a\":1}' -F 'f=@x;type=text/plain' --cert c.pem:pw --key k https://a.example:8443/x",
    "curl -G https://[2001:db8::1]/{a,b}/[1-3] --data-urlencode 'q=ä b' -e https://r/ -A ua --url-query x=y --http2",
)


def read_curl(data: bytes) -> None:
    parse_curl(data.decode("utf-8", "surrogateescape"), read=lambda name: name.encode("utf-8", "surrogateescape"))


def read_url(data: bytes) -> None:
    from_url(data.decode("utf-8", "surrogateescape"), keep_dots=False)


def hars() -> list[bytes]:
    request = {
        "method": "POST", "url": "https://api.example.com/v1?x=1", "httpVersion": "h2",
        "headers": [{"name": ":authority", "value": "api.example.com"}, {"name": "accept", "value": "*/*"}],
        "cookies": [{"name": "a", "value": "1"}],
        "postData": {"mimeType": "text/plain", "text": "aGk=", "encoding": "base64", "params": [{"name": "p"}]},
    }  # fmt: skip
    entry = {"startedDateTime": "2026-11-20T10:00:00.000Z", "request": request}
    return [json.dumps({"log": {"version": "1.2", "entries": [entry, entry]}}).encode()]


LOGS = texts(
    '192.0.2.7 - - [20/Nov/2026:10:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12 "-" "curl/8 \\x22x\\x22"\n' * 3,
    'a.example:443 192.0.2.7 - - [20/Nov/2026:10:00:00 +0000] "GET http://a/ HTTP/1.1" 200 12 "-" "-"\n',
    '[2026-11-20T10:00:00.000Z] "POST /v1?x HTTP/2" 200 - 0 12 3 2 "192.0.2.9" "ua" "id-1" "a.example" "10.0.0.1:80"\n',
    '{"time_iso8601":"2026-11-20T10:00:00+00:00","remote_addr":"192.0.2.7","request_method":"GET","http_host":"a",'
    '"request_uri":"/x?y","ssl_client_verify":"FAILED:certificate has expired","http_user_agent":"ua"}\n',
    '{"ClientIP":"192.0.2.1","ClientRequestHost":"a","ClientRequestMethod":"GET","ClientRequestURI":"/v1?i=1",'
    '"ClientMTLSAuthStatus":"ok","EdgeStartTimestamp":1795168800000000000,"ClientCountry":"de","ClientASN":64500}\n',
    '{"kind":"decision","time":"2026-11-20T10:00:00.000Z","action":"block","rule":"r","client":"192.0.2.1",'
    '"host":"a","method":"GET","path":"/v1","fingerprint":"ab","verified":true}\n',
)


def read_log(data: bytes) -> None:
    reader = reader_for(data[:65536], frozenset(PARTS | {"cf.tls_client_auth.cert_serial", "ip.src.country"}))
    for key in reader.tally(data).counts:
        try:
            reading(reader.values(key), reader.statuses)
        except RequestError:
            continue


def certificate_files() -> list[Path]:
    return sorted([*VECTORS.glob("*.pem"), *VECTORS.glob("custom/*.pem"), *VECTORS.glob("*.der")])


def certificates() -> list[bytes]:
    found = [path.read_bytes() for path in certificate_files() if "crl" not in path.name]
    return [data for data in found if b"CERTIFICATE REQUEST" not in data and len(data) < 8000]


@cache
def store() -> pki.TrustStore:
    anchors = b"".join(path.read_bytes() for path in sorted(VECTORS.glob("*root*.pem")))
    return pki.TrustStore(anchors=[anchors])


def read_certificate(data: bytes) -> None:
    for load in (pki.load_certificates, presented_certificates):
        chain = load(data)
        found = pki.verify(chain, store(), NOW)
        pki.facts(chain[0], chain, found)
    pki.TrustStore(anchors=[data])


def crls() -> list[bytes]:
    return [path.read_bytes() for path in sorted(VECTORS.glob("custom/*crl*.pem"))]


def read_crl(data: bytes) -> None:
    found = pki.load_crls(data)
    chain = pki.load_certificates((VECTORS / "cryptography.io.pem").read_bytes())
    anchor = (VECTORS / "rapidssl_sha256_ca_g3.pem").read_bytes()
    pki.verify(chain, pki.TrustStore(anchors=[anchor], crls=found), NOW)


def rulesets() -> list[bytes]:
    rules = [
        {"id": "1", "ref": "a", "expression": "ssl", "action": "block", "enabled": True, "description": "d",
         "action_parameters": {"response": {"status_code": 403, "content": "x", "content_type": "text/plain"}}},
        {"ref": "b", "expression": "not ssl", "action": "skip", "action_parameters": {"ruleset": "current"}},
    ]  # fmt: skip
    phase = "http_request_firewall_custom"
    return [json.dumps({"result": {"phase": phase, "rules": rules}}).encode(), json.dumps(rules).encode()]


def read_ruleset(data: bytes) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    targets.read_ruleset(document)


MESSAGES = texts('{"url":"https://a.example/x","method":"GET","headers":{"a":["b"]},"body":"x","ip":"::1","at":1.5}')


@cache
def scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="mtls-tui-fuzz-"))


def drafts() -> list[bytes]:
    probe = {"name": "p", "method": "GET", "url": "https://a/", "headers": [["a", "b"]], "overrides": []}
    work = {"r": {"full": "ssl and ssl", "text": "ssl", "muted": [[0]]}}
    text = "[[rules]]\nref = 'r'\nexpression = 'ssl'\n"
    return [
        json.dumps({"version": draft.VERSION, "text": text, "work": work, "probe": probe, "probes": [probe]}).encode()
    ]


def read_draft(data: bytes) -> None:
    file = rulefile.loads("version = 1\n", scratch())
    draft.path_for(None, scratch()).write_bytes(data)
    draft.read(file, scratch())


def read_settings(data: bytes) -> None:
    settings.parse(data.decode("utf-8", "replace"))


def inventories() -> list[bytes]:
    path = scratch() / "seed.sqlite"
    inventory = Inventory(path)
    if not inventory.all():
        inventory.add(pki.load_certificates((VECTORS / "cryptography.io.pem").read_bytes())[0], NOW)
    return [path.read_bytes()]


def read_inventory(data: bytes) -> None:
    path = scratch() / "damaged.sqlite"
    path.write_bytes(data)
    for record in Inventory(path).all():
        record.status(NOW)


READERS: dict[str, Reader] = {
    "expression": Reader(expressions, read_expression, (lang.ParseError, ListError), damaged_bytes),
    "rulefile": Reader(sample_files, read_rule_file, (RuleFileError,), damaged_bytes),
    "bundle": Reader(bundles, read_bundle, (BundleError, PolicyError), damaged_json),
    "bundle-bytes": Reader(
        lambda: [bundle_with_digest(data) for data in bundles()], Policy.from_bundle_bytes, (BundleError, PolicyError),
        damaged_bytes,
    ),
    "curl": Reader(CURLS, read_curl, (RequestError,), damaged_bytes),
    "url": Reader(texts("https://u:p@a.example:8443/x/../y#f", "[::1]:443"), read_url, (RequestError,), damaged_bytes),
    "har": Reader(hars, lambda data: list(entries(data)), (RequestError,), damaged_either),
    "log": Reader(LOGS, read_log, (RequestError,), damaged_either),
    "certificate": Reader(certificates, read_certificate, (LoadError, StoreError), damaged_der),
    "crl": Reader(crls, read_crl, (LoadError, StoreError), damaged_bytes),
    "ruleset": Reader(rulesets, read_ruleset, (targets.TargetError,), damaged_either),
    "request": Reader(MESSAGES, from_json, (RequestError,), damaged_either),
    "draft": Reader(drafts, read_draft, (), damaged_either),
    "settings": Reader(texts('theme = "x"\nmouse = true\n[keys]\nsave = "ctrl+s"\n'), read_settings, (), damaged_bytes),
    "inventory": Reader(inventories, read_inventory, (InventoryError,), damaged_bytes),
}  # fmt: skip


# --- the run ----------------------------------------------------------------------------------------------------------


class Hang(BaseException):
    """A case has taken too long; no `except Exception` of the program may catch it."""


def hung(*_: object) -> None:
    raise Hang


def case(name: str, seed: int, number: int, seeds: list[bytes]) -> bytes:
    """The input of one case."""
    key = hashlib.sha256(f"{seed} {name} {number}".encode()).digest()
    dice = random.Random(key)
    return READERS[name].damage(dice, dice.choice(seeds), seeds)


def crash(name: str, data: bytes) -> str:
    """How the reader crashes on some bytes, as exception and place; "" when it doesn't."""
    reader = READERS[name]
    signal.setitimer(signal.ITIMER_PROF, SLOW)
    try:
        reader.read(data)
    except reader.errors:
        pass
    except (Exception, Hang) as error:
        last = [frame for frame in traceback.extract_tb(error.__traceback__) if "mtls_tui" in frame.filename][-1:]
        where = "".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in last)
        return f"{type(error).__name__} at {where}: {str(error)[:100]!a}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def run(names: list[str], seed: int, seconds: float) -> int:
    """Give each reader its share of the time; the number of different crashes."""
    crashes = 0
    for name in names:
        seeds = READERS[name].seeds()
        for data in seeds:
            assert not (found := crash(name, data)), f"{name}: an undamaged input crashes: {found}"
        seen: Counter[str] = Counter()
        number, end = 0, time.monotonic() + seconds / len(names)
        while time.monotonic() < end:
            found = crash(name, case(name, seed, number, seeds))
            if found:
                place = found.partition(": ")[0]
                if not seen[place]:
                    print(
                        f"  {found}\n    python tests/fuzz.py --seed {seed} --only {name} --case {number}", flush=True
                    )
                seen[place] += 1
            number += 1
        print(f"{name}: {number:,} cases, {len(seen)} kinds of crash", flush=True)
        crashes += len(seen)
    return crashes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=READERS, action="append")
    parser.add_argument("--case", type=int, help="repeat one case and show its traceback")
    options = parser.parse_args()
    names = options.only or list(READERS)
    signal.signal(signal.SIGPROF, hung)
    if options.case is not None:
        data = case(names[0], options.seed, options.case, READERS[names[0]].seeds())
        print(data[:2000])
        READERS[names[0]].read(data)
        return 0
    return 1 if run(names, options.seed, options.minutes * 60) else 0


if __name__ == "__main__":
    sys.exit(main())
