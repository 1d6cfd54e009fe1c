-- Decides requests by the rules of their host, compiled to Lua, and by what the decision service told of their
-- certificates. See inside.py, which writes above this text: prelude, lifetime, most_entries, most_bytes,
-- most_source, hidden, ciphers.
-- luacheck: globals envoy_on_request envoy_on_response
-- luacheck: read globals prelude lifetime most_entries most_bytes most_source hidden ciphers
--
-- Envoy goes on with a request when a script fails. So the question is put to the service unless the last thing that was
-- done here was to switch it off: `allowed` in the metadata. A block is an answer; if that fails, the question is put.
--
-- What is done for every request is kept short. The log gets one ready-made text that is not looked at again, so a
-- request may put nothing into its line that JSON would have to escape: hence the lists of methods and of letters.
local newest, programs, former, loaded_bytes = 0, {}, {}, 0
local cache, size, bytes = {}, 0, 0
local paths, known = {}, 0
local told_at, route = 0, nil
-- How many answers are awaited from which to learn; so most responses need no look at their metadata.
local learning, learnt_at = 0, 0
local methods = {GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true}
local MOST_LINES, LONGEST_CHAIN = 64, 24576
local byte, find, match, sub = string.byte, string.find, string.match, string.sub

-- 2: nothing in it needs a second look; 1: it can stand in the log; 0: it can't.
local function letters(target)
  local path = match(target, "^[^?]*")
  local kind = 0
  if byte(path) == 47 and not find(path, "[^%w_.~!$&'()*+,;=:@/%%-]") then
    kind = (find(path, "%", 1, true) or find(path, "//", 1, true) or find(path, "/.", 1, true)) and 1 or 2
  end
  if #target <= 256 then
    if known >= 1024 then paths, known = {}, 0 end
    paths[target], known = kind, known + 1
  end
  return kind
end

-- The rules of a host, of one generation. Requests that are under way may still be those of the one before.
local function loaded(handle, context, key)
  local generation = context:get("generation")
  if generation > newest then
    former, programs, newest, loaded_bytes = programs, {}, generation, 0
  elseif generation < newest then
    return former[key]
  end
  local source = handle:virtualHost():metadata():get("source")
  loaded_bytes = loaded_bytes + #source
  if loaded_bytes > most_source then programs, former, loaded_bytes = {}, {}, #source end
  programs[key] = false
  local chunk, why = loadstring(source, "=rules")
  if chunk == nil then error(why) end
  local program = chunk(prelude)
  program.generation, program.request = generation, {}
  programs[key] = program
  return program
end

local function is_bordered_by_blank(value)
  local first, last = byte(value, 1), byte(value, -1)
  return first == 32 or first == 9 or last == 32 or last == 9
end

-- Nil where a value begins or ends with a blank, as over HTTP/2 it may: how doubled lines with such are joined on the way
-- to the decision service is left to it.
local function header_list(names, headers)
  local out, n = {}, 0
  if names == true then
    for name, value in pairs(headers) do
      if not hidden[name] and byte(name) ~= 58 then
        out[n + 1], out[n + 2] = name, value
        n = n + 2
      end
    end
  else
    for i = 1, #names do
      local name = names[i]
      for at = 0, hidden[name] and -1 or headers:getNumValues(name) - 1 do
        out[n + 1], out[n + 2] = name, headers:getAtIndex(name, at)
        n = n + 2
      end
    end
  end
  for i = 2, n, 2 do
    if is_bordered_by_blank(out[i]) then return nil end
  end
  local length = headers:get("content-length")
  if length ~= nil and find(length, "^%d+$") then out[n + 1], out[n + 2] = "content-length", length end
  return out
end

-- What the rules read of a request; a table of the program's own, with nothing in it that they don't read.
local function parts(program, authority, method, target, handle, info, ssl, now)
  local request, reads = program.request, program.reads
  request.host = authority
  if reads.method then request.method = method end
  if reads.target then request.target = target end
  if reads.headers then request.headers = header_list(reads.headers, handle:headers()) end
  if reads.address then
    local address = info:downstreamDirectRemoteAddress()
    request.address = match(address, "^%[(.*)%]:%d+$") or match(address, "^([^:]*):%d+$")
  end
  if reads.protocol then request.protocol = info:protocol() end
  if reads.tls_version then request.tls_version = ssl:tlsVersion() end
  if reads.tls_cipher then
    local cipher = ssl:ciphersuiteString()
    request.tls_cipher = ciphers[cipher] or cipher
  end
  if reads.milliseconds then request.milliseconds = now end
  return request
end

local function forget(host, chain, entry)
  local entries = cache[host]
  entries[chain] = nil
  size, bytes = size - 1, bytes - entry.bytes
  if next(entries) == nil then cache[host] = nil end
end

-- Lets the service's answer be remembered, and asks for the facts.
local function learn(info, headers, host, chain, generation, now)
  if #chain > LONGEST_CHAIN then return end
  headers:replace("x-mtls-tui-wants", "facts")
  local metadata = info:dynamicMetadata()
  metadata:set("mtls-tui.learn", "host", host)
  metadata:set("mtls-tui.learn", "chain", chain)
  metadata:set("mtls-tui.learn", "generation", generation)
  metadata:set("mtls-tui.learn", "since", now)
  if now - learnt_at > 10000 or now < learnt_at then learning = 0 end
  learning, learnt_at = learning + 1, now
end

local function line_of(entry, outcome, number, logged, outcomes)
  if logged == nil then
    local line = entry.lines[number]
    if line == nil then
      line = outcome.line .. entry.line
      if entry.written < MOST_LINES then
        entry.lines[number], entry.written = line, entry.written + 1
        entry.bytes, bytes = entry.bytes + #line, bytes + #line
      end
    end
    return line
  end
  local refs = {}
  for i = 1, #logged do refs[i] = outcomes[logged[i]].ref end
  return outcome.line .. entry.line .. ',"logged":[' .. table.concat(refs, ",") .. "]"
end

-- The outcome of the rules, its line for the log and the headers for the upstream; nil when the question has to be put.
local function decided(handle)
  route = nil
  local context = handle:filterContext()
  route = context
  local key = context:get("key")
  if key == nil then return nil end
  local program = programs[key]
  if program == nil then program = loaded(handle, context, key) end
  if not program then return nil end
  local headers = handle:headers()
  local authority, method, target = headers:get(":authority"), headers:get(":method"), headers:get(":path")
  if authority == nil or target == nil or not methods[method] then return nil end
  local host = prelude.host(authority)
  if host == nil then return nil end
  local kind = paths[target] or letters(target)
  if kind == 0 or (kind == 1 and not program.reads.target) then return nil end
  local info = handle:streamInfo()
  local ssl = info:downstreamSslConnection()
  local chain = program.mtls and ssl:urlEncodedPemEncodedPeerCertificateChain() or ""
  local now = tonumber(handle:timestamp())
  local entries = cache[host]
  local entry = entries and entries[chain]
  if entry and (
    entry.generation ~= program.generation or now < entry.since or now - entry.since >= lifetime or now >= entry.till
  ) then
    forget(host, chain, entry)
    entry = nil
  end
  if not entry then
    learn(info, headers, host, chain, program.generation, now)
    return nil
  end
  if now >= entry.renewed then
    -- Half of its time is over: one request asks again, so that the others need not wait for it.
    entry.renewed = now + lifetime / 4
    learn(info, headers, host, chain, program.generation, now)
    return nil
  end
  local request = parts(program, authority, method, target, handle, info, ssl, now)
  local number, logged = program.decide(request, entry.facts)
  local outcome = number and program.outcomes[number]
  if not outcome then return nil end
  local line = line_of(entry, outcome, number, logged, program.outcomes)
  local stats = handle:stats()
  stats:counter(outcome.statistic):inc()
  if logged ~= nil then
    for i = 1, #logged do stats:counter(program.outcomes[logged[i]].statistic):inc() end
  end
  return outcome, line, entry.upstream, headers
end

-- Tells the decision service which header lines of a question were doubled, and how long each was.
local function tell_duplicates(handle)
  local headers, seen, doubled = handle:headers(), {}, false
  for name, value in pairs(headers) do
    local lengths = seen[name]
    if lengths then
      lengths[#lengths + 1] = #value
      doubled = true
    else
      seen[name] = {#value}
    end
  end
  if doubled then
    local lines = {}
    for name, lengths in pairs(seen) do
      if #lengths > 1 then
        lines[#lines + 1] = name .. "=" .. table.concat(lengths, "+")
      end
    end
    headers:add("x-mtls-tui-duplicates", table.concat(lines, ";"))
  end
end

local function asks_plain() return route ~= nil and route:get("ask") == "plain" end

local function failed(handle, why)
  handle:stats():counter("failed"):inc()
  local now = tonumber(handle:timestamp())
  if now < told_at or now - told_at >= 1000 then
    told_at = now
    handle:logErr("mtls-tui: the rules failed inside Envoy, the decision service is asked: " .. tostring(why))
  end
end

function envoy_on_request(handle)
  local fine, outcome, line, upstream, headers = pcall(decided, handle)
  if fine and outcome ~= nil then
    local metadata = handle:streamInfo():dynamicMetadata()
    if outcome.answer then
      metadata:set("mtls-tui", "blocked", line)
      handle:respond(outcome.answer, outcome.body)
      return
    end
    for index = 1, #upstream, 2 do
      headers:replace(upstream[index], upstream[index + 1])
    end
    metadata:set("mtls-tui", "allowed", line)
    return
  end
  local sure, plain = pcall(asks_plain)
  if not (sure and plain) then tell_duplicates(handle) end
  if not fine then pcall(failed, handle, outcome) end
end

local function text_of(text)
  return (text:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

local function split(text)
  local out = {}
  for part in (text .. "|"):gmatch("([^|]*)|") do out[#out + 1] = text_of(part) end
  return out
end

function envoy_on_response(handle)
  if learning == 0 then return end
  local metadata = handle:streamInfo():dynamicMetadata()
  local ours = metadata:get("mtls-tui.learn")
  if ours == nil or ours["since"] == nil then return end
  -- Only what came with the answer to a question: headers of the response are an upstream's to write.
  local answer = metadata:get("envoy.filters.http.ext_authz")
  learning = learning > 0 and learning - 1 or 0
  local text = answer ~= nil and answer["x-mtls-tui-facts"] or ""
  local told = split(text)
  local generation, till, number = tonumber(told[1]), tonumber(told[2]), tonumber(told[4])
  -- The service may already decide by another generation than the rules that were to be used here, or still.
  if number == nil or till == nil or generation ~= ours["generation"] then return end
  local host, chain = ours["host"], ours["chain"]
  local weight = 1024 + 2 * (#host + #chain + #text)
  if size >= most_entries or bytes + weight > most_bytes then cache, size, bytes = {}, 0, 0 end
  local entry = {
    generation = generation, since = ours["since"], renewed = ours["since"] + lifetime / 2, till = till,
    line = ',"host":"' .. host .. '"' .. told[3], lines = {}, written = 0, facts = {}, upstream = {}, bytes = weight,
  }
  for index = 5, 3 + 2 * number, 2 do
    local value = told[index + 1]
    local kind = sub(value, 1, 1)
    if kind == "s" then entry.facts[told[index]] = sub(value, 2) else entry.facts[told[index]] = kind == "t" end
  end
  for index = 5 + 2 * number, #told do entry.upstream[#entry.upstream + 1] = told[index] end
  local entries = cache[host]
  if entries == nil then
    entries = {}
    cache[host] = entries
  end
  local old = entries[chain]
  size, bytes = size + (old and 0 or 1), bytes + weight - (old and old.bytes or 0)
  entries[chain] = entry
end
