-- Gives remembered verdicts, and learns new ones from what the decision service answers. See verdict_cache.py, which
-- writes three locals above this text: lifetime_milliseconds, most_verdicts and most_bytes.
-- luacheck: globals envoy_on_request envoy_on_response
-- luacheck: read globals lifetime_milliseconds most_verdicts most_bytes
--
-- What is done on every request is kept short: the chain is looked up as it is, not made part of another string, and the
-- log gets one ready-made text instead of a table to convert. Since that text is not looked at again, a request may put
-- nothing into its line that JSON would have to escape: hence the lists of methods and of letters in paths.
local cache, size, bytes = {}, 0, 0
local paths, known = {}, 0
local methods = {GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true}

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

local function plain(target)
  local path = target:match("^[^?]*")
  local is = path:sub(1, 1) == "/" and not path:find("[^%w_.~!$&'()*+,;=:@/-]")
    and not path:find("//", 1, true) and not path:find("/.", 1, true)
  if #target <= 256 then
    if known >= 512 then
      paths, known = {}, 0
    end
    paths[target], known = is, known + 1
  end
  return is
end

function envoy_on_request(handle)
  local generation = handle:filterContext():get("generation")
  if generation == nil then
    return
  end
  local headers = handle:headers()
  local authority, path = headers:get(":authority"), headers:get(":path")
  if authority == nil or path == nil or not methods[headers:get(":method")] then
    return
  end
  local is = paths[path]
  if is == nil then
    is = plain(path)
  end
  if not is then
    return
  end
  local chain = headers:get("x-forwarded-client-cert") or ""
  local now = tonumber(handle:timestamp())
  local entries = cache[authority]
  local entry = entries and entries[chain]
  if entry and (entry.generation ~= generation or now < entry.since or now - entry.since >= lifetime_milliseconds) then
    entries[chain] = nil
    size, bytes = size - 1, bytes - entry.bytes
    if next(entries) == nil then
      cache[authority] = nil
    end
    entry = nil
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  if not entry then
    if #authority + #chain <= 8192 then
      metadata:set("mtls-tui.learn", "authority", authority)
      metadata:set("mtls-tui.learn", "chain", chain)
      metadata:set("mtls-tui.learn", "generation", generation)
      metadata:set("mtls-tui.learn", "since", now)
    end
    return
  end
  handle:stats():counter(entry.statistic):inc()
  metadata:set("mtls-tui", "remembered", entry.line)
  local answer = entry.answer
  if answer then
    handle:respond(answer, entry.body)
    return
  end
  local upstream = entry.upstream
  for index = 1, #upstream, 2 do
    headers:replace(upstream[index], upstream[index + 1])
  end
end

function envoy_on_response(handle)
  local metadata = handle:streamInfo():dynamicMetadata()
  local ours = metadata:get("mtls-tui.learn")
  if ours == nil or ours["since"] == nil then
    return
  end
  -- Only what came with the answer to a question: headers of the response are an upstream's to write.
  local answer = metadata:get("envoy.filters.http.ext_authz")
  local text = answer ~= nil and answer["x-mtls-tui-verdict"] or ""
  local parts = split(text)
  if #parts < 6 or (parts[1] == "allow") ~= (parts[2] == "") or parts[6] == "" then
    return
  end
  local authority, chain = ours["authority"], ours["chain"]
  local weight = #authority + #chain + #text
  if size >= most_verdicts or bytes + weight > most_bytes then
    cache, size, bytes = {}, 0, 0
  end
  local entries = cache[authority]
  if entries == nil then
    entries = {}
    cache[authority] = entries
  end
  local old = entries[chain]
  size, bytes = size + (old and 0 or 1), bytes + weight - (old and old.bytes or 0)
  local entry = {
    generation = ours["generation"], since = ours["since"], statistic = parts[5], line = parts[6], body = parts[4],
    upstream = {}, bytes = weight,
  }
  if parts[2] ~= "" then
    entry.answer = {[":status"] = parts[2], ["content-type"] = parts[3], ["cache-control"] = "no-store"}
  end
  for index = 7, #parts do
    entry.upstream[index - 6] = parts[index]
  end
  entries[chain] = entry
end
