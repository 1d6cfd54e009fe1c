"""What a decision costs in compiled rules under LuaJIT, with its just-in-time compiler and without.

Needs `lupa` beside the development dependencies. Times are of one processor, the least of five runs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mtls_tui import lang
from mtls_tui.engine import Rule, Ruleset
from mtls_tui.engine.lua import Compiled, compile_rules
from tests.engine.lua.luajit import LuaJit
from tests.engine.lua.wire import Wire

CERTIFICATE = "cf.tls_client_auth.cert"
RULE = (
    'http.host eq "a.example" and starts_with(http.request.uri.path, "/admin/") '
    'and http.request.method in {"POST" "PUT"} '
    'and any(http.request.headers["x-a"][*] eq "1") and ip.src in $office '
    f'and {CERTIFICATE}_verified and not {CERTIFICATE}_revoked and {CERTIFICATE}_serial in {{"01AB" "02"}}'
)  # fmt: skip
LISTS = {"office": [f"10.{a}.{b}.0/25" for a in range(50) for b in range(20)] + ["192.0.2.0/24"]}
PATTERNS = (r"^/api/v[0-9]+/users/[^/]+$", r"(?i)union.*select|<script|\.\./", r"\bfoo\b")
TEXT = "/api/v1/users/" + "ab cd" * 800
RUN = b"""function(decide, request, facts, count)
  local from, number = os.clock(), nil
  for i = 1, count do
    request.milliseconds = i
    number = decide(request, facts)
  end
  return os.clock() - from, number
end"""


def seconds(lua: LuaJit, compiled: Compiled, wire: Wire, count: int) -> float:
    """Of one decision."""
    decide, run = lua.chunk(compiled.source), lua.runtime.eval(RUN)
    request, facts = wire.tables(lua, compiled)
    return min(run(decide, request, facts, count)[0] for _ in range(5)) / count


def compiled(*texts: str) -> Compiled:
    found = compile_rules(
        Ruleset([Rule(f"r{n}", lang.parse(text)) for n, text in enumerate(texts)], LISTS), "a.example"
    )
    assert isinstance(found, Compiled)
    return found


def main() -> None:
    admin = Wire(
        target="/admin/users/12?x=1", method="POST",
        facts={f"{CERTIFICATE}_verified": True, f"{CERTIFICATE}_serial": b"02"},
        headers=(("user-agent", b"curl/8"), ("accept", b"*/*"), ("x-a", b"1"), ("cookie", b"a=1"), ("x-b", b"2")),
    )  # fmt: skip
    serials = [f'{CERTIFICATE}_serial eq "{n:08X}" and http.request.method eq "GET"' for n in range(10_000)]
    for name, switch in (("just in time", b"on"), ("interpreted", b"off")):
        lua = LuaJit()
        lua.runtime.execute(b"jit." + switch + b"()")
        print(f"{name}:")
        found = seconds(lua, compiled(RULE), admin, 100_000)
        print(f"  path, method, header, address, certificate  {found * 1e6:6.2f} us")
        begin = time.process_time()
        many = compiled(*serials)
        made = time.process_time()
        lua.chunk(many.source)
        print(f"  10,000 rules: compiled in {made - begin:.1f} s, loaded in {time.process_time() - made:.2f} s")
        one = Wire(facts={f"{CERTIFICATE}_serial": b"0000270F"})
        print(f"  one of 10,000 rules by serial               {seconds(lua, many, one, 20_000) * 1e6:6.2f} us")
        for pattern in PATTERNS:
            wire = Wire(headers=(("user-agent", TEXT.encode()),))
            found = seconds(lua, compiled(f'http.user_agent matches r"{pattern}"'), wire, 1000)
            print(f"  {pattern:<42}  {found / len(TEXT) * 1e9:6.1f} ns a byte")


if __name__ == "__main__":
    main()
