"""Verdicts that Envoy may remember for a moment: the text in which they travel, and the Lua that remembers them.

Only for hosts whose rules read nothing but the host and the certificate. Then equal host and equal certificates (the
whole chain as presented) have equal verdicts until rules, trust or time change: a verdict lives for at most
`Settings.remember_seconds`, belongs to one generation of the bundle (which the route tells, and a reload changes on
live connections), and is not given out near the end of a certificate's validity. Paths that the engine might refuse
for themselves are always asked for. Whatever fails in the Lua leaves the question to the decision service.

Pure text; knows no Envoy configuration and no sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

VERDICT_HEADER = "x-mtls-tui-verdict"
"""On an answer of the decision service: what Envoy may remember."""
HITS_HEADER = "x-mtls-tui-hits"
"""On a question: how often a remembered verdict was given since, as `number|host|rule|outcome`."""
METADATA = "mtls-tui"
LONGEST = 12_000
"""Characters of a verdict; longer ones are not remembered."""

FIELDS = (
    "action", "status", "type", "body", "rule", "reason", "fingerprint", "verified", "revoked", "error", "host",
)  # fmt: skip
"""What a verdict tells, in this order; after these come the headers for the upstream, name and value in turn."""


def encode(values: dict[str, str], upstream: Sequence[tuple[str, str]]) -> str:
    """A verdict as a header value: percent-encoded parts separated by bars; empty when it is too long."""
    parts = [quote(values.get(name, ""), safe=" ") for name in FIELDS]
    parts += [quote(part, safe=" :/+=,") for pair in upstream for part in pair]
    text = "|".join(parts)
    return text if len(text) <= LONGEST else ""


def hits(text: str) -> tuple[int, str, str, str] | None:
    """Number, host, rule and outcome out of HITS_HEADER; None for anything else."""
    parts = text.split("|")
    if len(parts) != 4 or not parts[0].isascii() or not parts[0].isdigit() or len(parts[0]) > 9:
        return None
    return int(parts[0]), parts[1], parts[2], parts[3]


def lua(remember_milliseconds: int) -> str:
    """The filter: gives remembered verdicts, and learns new ones from what the decision service answers."""
    return LUA.replace("$MILLISECONDS", str(remember_milliseconds))


LUA = """
local cache, size = {}, 0

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

local function split(text)
  local parts = {}
  for part in (text .. "|"):gmatch("([^|]*)|") do
    parts[#parts + 1] = decoded(part)
  end
  return parts
end

local function plain(path)
  path = path:match("^[^?]*")
  return path:sub(1, 1) == "/" and not path:find("[^%w_.~!$&'()*+,;=:@/-]")
    and not path:find("//", 1, true) and not path:find("/.", 1, true)
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local generation = handle:filterContext():get("generation")
  if generation == nil then
    return
  end
  local authority, path = headers:get(":authority"), headers:get(":path")
  if authority == nil or path == nil or not plain(path) then
    return
  end
  local key = authority .. "|" .. (headers:get("x-forwarded-client-cert") or "")
  if #key > 8192 then
    return
  end
  local now = tonumber(handle:timestamp())
  local entry = cache[key]
  local metadata = handle:streamInfo():dynamicMetadata()
  if entry ~= nil and (entry.generation ~= generation or now < entry.since or now - entry.since >= $MILLISECONDS) then
    if entry.hits > 0 then
      headers:replace("x-mtls-tui-hits", entry.hits .. "|" .. entry.host .. "|" .. entry.rule .. "|" .. entry.action)
    end
    cache[key] = nil
    size = size - 1
    entry = nil
  end
  if entry == nil then
    metadata:set("mtls-tui.learn", "key", key)
    metadata:set("mtls-tui.learn", "generation", generation)
    metadata:set("mtls-tui.learn", "since", now)
    return
  end
  entry.hits = entry.hits + 1
  metadata:set("mtls-tui", "remembered", true)
  metadata:set("mtls-tui", "verdict", entry.shown)
  if entry.status ~= "" then
    handle:respond({[":status"] = entry.status, ["content-type"] = entry.type, ["cache-control"] = "no-store"},
      entry.body)
    return
  end
  for index = 1, #entry.upstream, 2 do
    headers:replace(entry.upstream[index], entry.upstream[index + 1])
  end
end

function envoy_on_response(handle)
  local metadata = handle:streamInfo():dynamicMetadata()
  local ours = metadata:get("mtls-tui.learn")
  if ours == nil or ours["key"] == nil then
    return
  end
  -- Only what came with the answer to a question: headers of the response are an upstream's to write.
  local answer = metadata:get("envoy.filters.http.ext_authz")
  local parts = split(answer ~= nil and answer["x-mtls-tui-verdict"] or "")
  if #parts < 11 or (parts[1] == "allow") ~= (parts[2] == "") then
    return
  end
  if size >= 2048 then
    cache, size = {}, 0
  end
  if cache[ours["key"]] == nil then
    size = size + 1
  end
  local upstream = {}
  for index = 12, #parts do
    upstream[#upstream + 1] = parts[index]
  end
  cache[ours["key"]] = {
    generation = ours["generation"], since = ours["since"], hits = 0, action = parts[1], status = parts[2],
    type = parts[3], body = parts[4], rule = parts[5], host = parts[11], upstream = upstream,
    shown = {
      action = parts[1], rule = parts[5], reason = parts[6], fingerprint = parts[7], verified = parts[8] == "true",
      revoked = parts[9] == "true", error = parts[10],
    },
  }
end
"""
