-- What compiled rules call: the Rules language's operators and functions over bytes, for LuaJIT 2.1. Loaded once in each
-- Lua state; the chunk returns a table, which is the one argument of every compiled chunk:
--
--   local prelude = (function() <this text> end)()
--   local decide  = (function(...) <source of a host> end)(prelude)
--   local number, logged = decide(request, facts)
--
-- `decide` gives the number of the rule that decides (from 1, in the order of `Compiled.rules`), or 0 when none does, and
-- the numbers of the rules that were only logged before, as an array, or nil for none. It gives nil and a word
-- when the question has to be put to the decision service: the request is unusual, a part of it is not there, or a rule was
-- reached that can't be compiled. It changes neither table, keeps no reference to them, and raises for none.
--
-- `request` has what the rules read (`Compiled.reads` says which; the rest may be left out), with the values that the
-- decision service would be told:
--   host          string    `:authority` as it came
--   method        string    `:method`
--   target        string    `:path` with the query, after Envoy has normalised it
--   headers       array     name, value, name, value, ... in order of arrival, a repeated line as often as it came; names
--                           in lower case; none of the pseudo-headers, of the hop's headers, of Host or of those that
--                           Envoy wrote; a content-length in digits last. `Compiled.headers` names those that suffice
--   address       string    the client's, without a port: 192.0.2.1 or 2001:db8::1
--   protocol      string    HTTP/1.1, HTTP/2, HTTP/3
--   tls_version   string    TLSv1.2, TLSv1.3
--   tls_cipher    string    as `cf.tls_cipher` spells it: AEAD-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256
--   milliseconds  number    when the request arrived, whole milliseconds since 1970
-- `facts` has every field in `Compiled.facts` by its name: a string or a boolean. A missing one leads to a question.
--
-- Within: a missing value is nil; a string is a Lua string; an integer is a number of at most 2^53; an IPv4 address is a
-- number, an IPv6 address a string of 16 bytes; an array is an array; a map is {values = array, at = table by key}.
local byte, char, find, format, gmatch, gsub, lower, match, sub, upper =
  string.byte, string.char, string.find, string.format, string.gmatch, string.gsub, string.lower, string.match,
  string.sub, string.upper
local floor, concat, sort = math.floor, table.concat, table.sort
local band = bit.band
local ipairs, select, tonumber, type = ipairs, select, tonumber, type

local P = {}

-- Comparisons of values that may be missing. --------------------------------------------------------------------------

function P.eq(a, b) return a ~= nil and a == b end
function P.ne(a, b) return a ~= nil and b ~= nil and a ~= b end
function P.lt(a, b) return a ~= nil and b ~= nil and a < b end
function P.le(a, b) return a ~= nil and b ~= nil and a <= b end
function P.gt(a, b) return a ~= nil and b ~= nil and a > b end
function P.ge(a, b) return a ~= nil and b ~= nil and a >= b end

-- Of addresses: those of two families are in no order.
function P.ip_lt(a, b) return a ~= nil and type(a) == type(b) and a < b end
function P.ip_le(a, b) return a ~= nil and type(a) == type(b) and a <= b end
function P.ip_gt(a, b) return a ~= nil and type(a) == type(b) and a > b end
function P.ip_ge(a, b) return a ~= nil and type(a) == type(b) and a >= b end

function P.contains(a, b) return a ~= nil and b ~= nil and find(a, b, 1, true) ~= nil end

-- Whether an integer and one of 64 bits, here in two halves, have a bit in common; both in two's complement.
function P.bits(v, high, low)
  if v == nil then return false end
  local top = floor(v / 4294967296)
  return band(v - top * 4294967296, low) ~= 0 or band(top, high) ~= 0
end

-- Sets. ---------------------------------------------------------------------------------------------------------------

-- Whether a value is in one of the sorted, disjoint intervals from starts[i] to ends[i].
local function within(starts, ends, v)
  local least, most = 0, #starts
  while least < most do
    local middle = floor((least + most + 1) / 2)
    if starts[middle] <= v then least = middle else most = middle - 1 end
  end
  return least > 0 and v <= ends[least]
end

function P.within(v, set) return v ~= nil and within(set[1], set[2], v) end

function P.among_addresses(v, set)
  if v == nil then return false end
  if type(v) == "number" then return within(set[1], set[2], v) end
  return within(set[3], set[4], v)
end

-- A name, or one below a suffix; an empty label doesn't count.
function P.among_hosts(v, set)
  if v == nil then return false end
  if set.names[v] then return true end
  local suffixes, from = set.suffixes, 1
  if not suffixes then return false end
  while true do
    local dot = find(v, ".", from, true)
    if not dot or dot == from then return false end
    from = dot + 1
    if suffixes[sub(v, from)] then return true end
  end
end

-- Patterns. -----------------------------------------------------------------------------------------------------------

-- `t` has the literal pieces between the stars, at least two.
function P.wildcard(v, t)
  if v == nil then return false end
  local first, last = t[1], t[#t]
  local place, stop = #first + 1, #v - #last
  if place - 1 > stop or sub(v, 1, #first) ~= first or sub(v, stop + 1) ~= last then return false end
  for i = 2, #t - 1 do
    local from, to = find(v, t[i], place, true)
    if not from or to > stop then return false end
    place = to + 1
  end
  return true
end

function P.wildcard_any_case(v, t) return v ~= nil and P.wildcard(lower(v), t) end

-- A deterministic automaton: `classes` by byte, `steps` by state and class. States are places in `steps`; 0 can't match
-- any more, -1 has matched. The last class of a state is the end of the text.
function P.matches(v, t)
  if v == nil then return false end
  local classes, steps, state = t.classes, t.steps, t.start
  for i = 1, #v do
    state = steps[state + classes[byte(v, i)]]
    if state <= 0 then return state < 0 end
  end
  return steps[state + t.finish] < 0
end

-- Arrays and maps. ----------------------------------------------------------------------------------------------------

function P.at(array, index)
  if array ~= nil then return array[index] end
end

function P.key(map, name)
  if map ~= nil then return map.at[name] end
end

function P.values(map)
  if map ~= nil then return map.values end
end

function P.pick_at(arrays, index)
  if arrays == nil then return nil end
  local out = {}
  for i = 1, #arrays do out[#out + 1] = arrays[i][index] end
  return out
end

function P.flatten(arrays)
  if arrays == nil then return nil end
  local out = {}
  for i = 1, #arrays do
    local inner = arrays[i]
    for j = 1, #inner do out[#out + 1] = inner[j] end
  end
  return out
end

-- What a function gives for every element, without the missing results.
function P.mapped(f, values, ...)
  if values == nil then return nil end
  local out = {}
  for i = 1, #values do out[#out + 1] = f(values[i], ...) end
  return out
end

-- The verdict of a test on every element; none for a missing array.
function P.column(values, test, other)
  local out = {}
  if values ~= nil then
    for i = 1, #values do out[i] = test(values[i], other) end
  end
  return out
end

function P.any_of(values, test, other)
  if values == nil then return false end
  for i = 1, #values do
    if test(values[i], other) then return true end
  end
  return false
end

function P.all_of(values, test, other)
  if values == nil then return true end
  for i = 1, #values do
    if not test(values[i], other) then return false end
  end
  return true
end

function P.any(values)
  if values == nil then return false end
  for i = 1, #values do
    if values[i] then return true end
  end
  return false
end

function P.all(values)
  if values == nil then return false end
  for i = 1, #values do
    if not values[i] then return false end
  end
  return true
end

function P.each_not(values)
  local out = {}
  if values ~= nil then
    for i = 1, #values do out[i] = not values[i] end
  end
  return out
end

-- Element by element, as far as the shorter of two goes.
local function shorter(a, b)
  if a == nil or b == nil then return 0 end
  return #a < #b and #a or #b
end

function P.each_and(a, b)
  local out = {}
  for i = 1, shorter(a, b) do out[i] = a[i] and b[i] end
  return out
end

function P.each_or(a, b)
  local out = {}
  for i = 1, shorter(a, b) do out[i] = a[i] or b[i] end
  return out
end

function P.each_xor(a, b)
  local out = {}
  for i = 1, shorter(a, b) do out[i] = a[i] ~= b[i] end
  return out
end

-- Functions of the language. A missing argument gives a missing result, but for concat and coalesce. --------------------

function P.lower(v) return v and lower(v) end
function P.upper(v) return v and upper(v) end
function P.len(v) return v and #v end

function P.starts_with(v, prefix)
  if v == nil or prefix == nil then return nil end
  return sub(v, 1, #prefix) == prefix
end

function P.ends_with(v, suffix)
  if v == nil or suffix == nil then return nil end
  return #suffix <= #v and sub(v, #v - #suffix + 1) == suffix
end

-- A position as Python's slices have it: from the end when negative, and within the text.
local function clamped(position, length)
  if position < 0 then position = position + length end
  if position < 0 then return 0 end
  return position > length and length or position
end

function P.substring(v, from, to)
  if v == nil or from == nil or to == nil then return nil end
  from, to = clamped(from, #v), clamped(to, #v)
  return from < to and sub(v, from + 1, to) or ""
end

function P.substring_from(v, from)
  if v == nil or from == nil then return nil end
  return sub(v, clamped(from, #v) + 1)
end

function P.concat(a, b)
  if a == nil then return b end
  return b == nil and a or a .. b
end

function P.concat_arrays(a, b)
  if a == nil then return b end
  if b == nil then return a end
  local out = {}
  for i = 1, #a do out[i] = a[i] end
  for i = 1, #b do out[#out + 1] = b[i] end
  return out
end

function P.coalesce(a, b)
  if a == nil then return b end
  return a
end

function P.join(items, separator)
  if items == nil or separator == nil then return nil end
  return concat(items, separator)
end

function P.split(v, separator, limit)
  if v == nil or separator == nil or limit == nil or separator == "" or limit < 1 or limit > 128 then return nil end
  local out, from = {}, 1
  while #out + 1 < limit do
    local first, last = find(v, separator, from, true)
    if not first then break end
    out[#out + 1] = sub(v, from, first - 1)
    from = last + 1
  end
  out[#out + 1] = sub(v, from)
  return out
end

function P.remove_bytes(v, unwanted)
  if v == nil or unwanted == nil then return nil end
  local gone = {}
  for i = 1, #unwanted do gone[sub(unwanted, i, i)] = "" end
  return (gsub(v, ".", gone))
end

function P.has_key(map, name)
  if map == nil or name == nil then return nil end
  return map.at[name] ~= nil
end

function P.has_value(array, wanted)
  if array == nil or wanted == nil then return nil end
  for i = 1, #array do
    if array[i] == wanted then return true end
  end
  return false
end

local function masked(address, bits)
  local out, whole, rest = {}, floor(bits / 8), bits % 8
  for i = 1, 16 do
    local octet = 0
    if i <= whole then
      octet = byte(address, i)
    elseif i == whole + 1 then
      octet = byte(address, i)
      octet = octet - octet % 2 ^ (8 - rest)
    end
    out[i] = char(octet)
  end
  return concat(out)
end

function P.cidr(address, v4_bits, v6_bits)
  if address == nil or v4_bits == nil or v6_bits == nil then return nil end
  if v4_bits < 1 or v4_bits > 32 or v6_bits < 1 or v6_bits > 128 then return nil end
  if type(address) == "number" then return address - address % 2 ^ (32 - v4_bits) end
  return masked(address, v6_bits)
end

function P.cidr6(address, v6_bits) return P.cidr(address, 32, v6_bits) end

local function dotted(number)
  local a, b = floor(number / 16777216), floor(number / 65536) % 256
  return format("%d.%d.%d.%d", a, b, floor(number / 256) % 256, number % 256)
end

-- RFC 5952: no leading zeros, the longest run of two or more zero groups left out, the first of equal ones.
local function colons(address)
  local groups = {}
  for i = 1, 8 do groups[i] = byte(address, 2 * i - 1) * 256 + byte(address, 2 * i) end
  if sub(address, 1, 12) == "\0\0\0\0\0\0\0\0\0\0\255\255" then
    return "::ffff:" .. dotted(groups[7] * 65536 + groups[8])
  end
  local best, length, run = 0, 1, 0
  for i = 1, 8 do
    run = groups[i] == 0 and run + 1 or 0
    if run > length then best, length = i - run + 1, run end
  end
  local out = {}
  for i = 1, 8 do out[i] = format("%x", groups[i]) end
  if best == 0 then return concat(out, ":") end
  return concat(out, ":", 1, best - 1) .. "::" .. concat(out, ":", best + length)
end

function P.int_to_string(v) return v and format("%.0f", v) end

function P.bool_to_string(v)
  if v ~= nil then return v and "true" or "false" end
end

function P.ip_to_string(v)
  if v == nil then return nil end
  return type(v) == "number" and dotted(v) or colons(v)
end

local function decoded(code) return char(tonumber(code, 16)) end

local function percent_decode(v) return (gsub(gsub(v, "%+", " "), "%%(%x%x)", decoded)) end

function P.url_decode(v) return v and percent_decode(v) end

-- Until nothing changes, in one pass: a byte that decoding gives may be part of the next pair.
function P.url_decode_fully(v)
  if v == nil or not find(v, "[%%+]") then return v end
  local out, n = {}, 0
  for i = 1, #v do
    local code = byte(v, i)
    repeat
      n = n + 1
      out[n] = code == 43 and 32 or code
      code = nil
      if n >= 3 and out[n - 2] == 37 then
        local pair = char(out[n - 1], out[n])
        if find(pair, "^%x%x$") then
          code = tonumber(pair, 16)
          n = n - 3
        end
      end
    until code == nil
  end
  for i = 1, n do out[i] = char(out[i]) end
  return concat(out, "", 1, n)
end

function P.remove_query_args(query, ...)
  local unwanted = {}
  for i = 1, select("#", ...) do
    local name = (select(i, ...))
    if name == nil then return nil end
    unwanted[name] = true
  end
  if query == nil then return nil end
  local out = {}
  for part in gmatch(query .. "&", "([^&]*)&") do
    if not unwanted[match(part, "^[^=]*")] then out[#out + 1] = part end
  end
  return concat(out, "&")
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local SEXTETS = {}
for i = 1, 64 do SEXTETS[byte(ALPHABET, i)] = i - 1 end
SEXTETS[45], SEXTETS[95] = 62, 63

function P.encode_base64(v)
  if v == nil then return nil end
  local out = {}
  for i = 1, #v, 3 do
    local a, b, c = byte(v, i, i + 2)
    local number = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 0, c and 3 or b and 2 or 1 do
      local sextet = floor(number / 64 ^ (3 - place)) % 64
      out[#out + 1] = sub(ALPHABET, sextet + 1, sextet + 1)
    end
  end
  return concat(out)
end

function P.decode_base64(v)
  if v == nil then return nil end
  local length = #v
  while length > 0 and byte(v, length) == 61 do length = length - 1 end
  local text = #v - length <= 2 and sub(v, 1, length) or v
  if #text % 4 == 1 or find(text, "[^A-Za-z0-9+/_-]") then return nil end
  local out = {}
  for i = 1, #text, 4 do
    local a, b, c, d = byte(text, i, i + 3)
    local number = SEXTETS[a] * 262144 + SEXTETS[b] * 4096 + (c and SEXTETS[c] or 0) * 64 + (d and SEXTETS[d] or 0)
    out[#out + 1] = char(floor(number / 65536))
    if c then out[#out + 1] = char(floor(number / 256) % 256) end
    if d then out[#out + 1] = char(number % 256) end
  end
  return concat(out)
end

-- Parts of a request. Each gives nil for what the decision service has to look at. -----------------------------------------

-- What a function gave for texts that were asked for before; all are forgotten when there are too many.
local function remembering(f, most)
  local known, count = {}, 0
  return function(text)
    local found = known[text]
    if found == nil then
      found = f(text)
      if found ~= nil then
        if count >= most then known, count = {}, 0 end
        known[text], count = found, count + 1
      end
    end
    return found
  end
end

local function host_name(text)
  local name, port = match(lower(text), "^([a-z0-9._-]+)(.*)$")
  if name == nil or not (port == "" or find(port, "^:%d%d?%d?%d?%d?$")) then return nil end
  if sub(name, -1) == "." then name = sub(name, 1, -2) end
  if name == "" or sub(name, -1) == "." or #name > 253 then return nil end
  return name
end

local remembered_host = remembering(host_name, 1024)

function P.host(text)
  if type(text) == "string" and #text <= 300 then return remembered_host(text) end
end

-- Whether a host is a name below a suffix that begins with a dot; without empty labels.
function P.is_below(host, suffix)
  return host ~= nil and #host > #suffix and sub(host, -#suffix) == suffix and byte(host, 1) ~= 46
    and not find(host, "..", 1, true)
end

-- 1: decides nothing by itself; 2: slash; 3: dot; 4: percent; 5: a normal path has none.
local KINDS, HEX, DECODED = {}, {}, {}
for i = 0, 255 do
  KINDS[i] = (i <= 32 or i >= 127) and 5 or find('"<>^`{|}\\', char(i), 1, true) and 5 or 1
  HEX[i] = tonumber(find(char(i), "%x") and char(i) or "x", 16) or -1
  DECODED[i] = find(char(i), "[A-Za-z0-9._~-]") ~= nil
end
KINDS[47], KINDS[46], KINDS[37] = 2, 3, 4

-- Whether normalising a path changes nothing: no dot segment, no empty one but the last, no escape of what needs none,
-- no byte that needs one.
local function is_normal(path)
  local length = #path
  for i = 1, length do
    local kind = KINDS[byte(path, i)]
    if kind == 5 then return false end
    if kind == 4 then
      if i + 2 > length then return false end
      local high, low = HEX[byte(path, i + 1)], HEX[byte(path, i + 2)]
      if high < 0 or low < 0 or DECODED[high * 16 + low] then return false end
    elseif kind == 2 and i < length then
      local after = byte(path, i + 1)
      if after == 47 then return false end
      if after == 46 then
        local next = i + 2 <= length and byte(path, i + 2) or 47
        if next == 46 then next = i + 3 <= length and byte(path, i + 3) or 47 end
        if next == 47 or next == 59 then return false end
      end
    end
  end
  return true
end

local remembered_normal = remembering(is_normal, 1024)

local function is_ascii(text)
  for i = 1, #text do
    if byte(text, i) > 127 then return false end
  end
  return true
end

-- Path and query of a target; nil unless the path is normal and the query is ASCII.
function P.target(text)
  if type(text) ~= "string" or byte(text, 1) ~= 47 then return nil end
  local path, query = text, ""
  local mark = find(text, "?", 1, true)
  if mark then path, query = sub(text, 1, mark - 1), sub(text, mark + 1) end
  local normal
  if #path <= 256 then normal = remembered_normal(path) else normal = is_normal(path) end
  if normal and is_ascii(query) then return path, query end
end

local remembered_method = remembering(function(text)
  if not find(text, "[\128-\255]") then return upper(text) end
end, 64)

function P.method(text)
  if type(text) == "string" and #text <= 64 then return remembered_method(text) end
end

local function v4_number(text)
  local a, b, c, d = match(text, "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  if a == nil then return nil end
  for _, part in ipairs({a, b, c, d}) do
    if #part > 1 and byte(part, 1) == 48 then return nil end
  end
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if a > 255 or b > 255 or c > 255 or d > 255 then return nil end
  return a * 16777216 + b * 65536 + c * 256 + d
end

local function v6_groups(text, groups)
  if text == "" then return true end
  for part in gmatch(text .. ":", "([^:]*):") do
    if not find(part, "^%x%x?%x?%x?$") then return false end
    groups[#groups + 1] = tonumber(part, 16)
  end
  return true
end

local function v6_bytes(text)
  local last = match(text, "[^:]*$")
  if find(last, ".", 1, true) then
    local number = v4_number(last)
    if number == nil or #last == #text then return nil end
    text = sub(text, 1, -#last - 1) .. format("%x:%x", floor(number / 65536), number % 65536)
  end
  local left, right = text, nil
  local first, final = find(text, "::", 1, true)
  if first then
    left, right = sub(text, 1, first - 1), sub(text, final + 1)
    if find(right, "::", 1, true) then return nil end
  end
  local before, after = {}, {}
  if not v6_groups(left, before) or (right ~= nil and not v6_groups(right, after)) then return nil end
  local gap = 8 - #before - #after
  if (right == nil and gap ~= 0) or (right ~= nil and gap < 1) then return nil end
  for _ = 1, gap do before[#before + 1] = 0 end
  for i = 1, #after do before[#before + 1] = after[i] end
  if #before ~= 8 then return nil end
  local out = {}
  for i = 1, 8 do out[i] = char(floor(before[i] / 256), before[i] % 256) end
  return concat(out)
end

-- An IPv4-mapped address counts as IPv4.
local function address_of(text)
  if find(text, ":", 1, true) == nil then return v4_number(text) end
  local address = v6_bytes(text)
  if address ~= nil and sub(address, 1, 12) == "\0\0\0\0\0\0\0\0\0\0\255\255" then
    local a, b, c, d = byte(address, 13, 16)
    return a * 16777216 + b * 65536 + c * 256 + d
  end
  return address
end

local remembered_address = remembering(address_of, 1024)

function P.address(text)
  if type(text) == "string" and #text <= 64 then return remembered_address(text) end
end

function P.is_time(milliseconds)
  return type(milliseconds) == "number" and milliseconds >= 0 and milliseconds < 9007199254740992
    and milliseconds == floor(milliseconds)
end

local MOST_HEADERS = 1000

local function is_blank(octet, all) return octet == 32 or octet == 9 or (all and octet >= 10 and octet <= 13) end

-- Without the blanks and tabs at both ends, or without all white space there. Patterns would take quadratic time.
local function trimmed(text, all)
  local first, last = 1, #text
  while first <= last and is_blank(byte(text, first), all) do first = first + 1 end
  while last >= first and is_blank(byte(text, last), all) do last = last - 1 end
  return sub(text, first, last)
end

local function is_begun_or_ended_by_blank(text)
  local first, last = byte(text, 1), byte(text, -1)
  return first == 32 or first == 9 or last == 32 or last == 9
end

-- In lower case, and not Host, which is told for itself.
local is_name = remembering(function(name) return name ~= "host" and not find(name, "[A-Z\128-\255]") end, 1024)

-- The headers without blanks around values; nil unless they are pairs of strings, not too many, with such names. Values
-- that are not ASCII reach the decision service as UTF-8, whatever they were.
function P.headers(given)
  if type(given) ~= "table" then return nil end
  local count, blanks = #given, false
  if count % 2 ~= 0 or count > 2 * MOST_HEADERS then return nil end
  for i = 1, count, 2 do
    local name, value = given[i], given[i + 1]
    if type(name) ~= "string" or type(value) ~= "string" or not is_name(name) or not is_ascii(value) then return nil end
    blanks = blanks or is_begun_or_ended_by_blank(value)
  end
  if not blanks then return given end
  local out = {}
  for i = 1, count, 2 do out[i], out[i + 1] = given[i], trimmed(given[i + 1], false) end
  return out
end

local function map_of(pairs_)
  local values, at = {}, {}
  for i = 1, #pairs_, 2 do
    local name, value = pairs_[i], pairs_[i + 1]
    local found = at[name]
    if found == nil then
      found = {}
      at[name], values[#values + 1] = found, found
    end
    found[#found + 1] = value
  end
  return {values = values, at = at}
end

-- The values of one name, as its key in the map would give them.
local function values_of(pairs_, name)
  local found
  for i = 1, #pairs_, 2 do
    if pairs_[i] == name then
      if found then found[#found + 1] = pairs_[i + 1] else found = {pairs_[i + 1]} end
    end
  end
  return found
end

local function every_other(pairs_, first)
  local out = {}
  for i = first, #pairs_, 2 do out[#out + 1] = pairs_[i] end
  return out
end

-- Fields that are worked out when a rule asks for them, and kept in `r`. -----------------------------------------------------

-- One header, repeated ones joined; empty if absent.
function P.header(r, name, separator)
  local headers, found = r.headers, nil
  for i = 1, #headers, 2 do
    if headers[i] == name then found = found and found .. separator .. headers[i + 1] or headers[i + 1] end
  end
  return found or ""
end

local function all_headers(r)
  if r.all_headers then return r.all_headers end
  local headers, found = r.headers, {"host", r.host}
  for i = 1, #headers do found[i + 2] = headers[i] end
  r.all_headers = found
  return found
end

function P.header_map_of(r)
  r.header_map = map_of(all_headers(r))
  return r.header_map
end

function P.header_named(r, name) return values_of(r.headers, name) end

function P.header_names_of(r)
  r.header_names = every_other(all_headers(r), 1)
  return r.header_names
end

function P.header_values_of(r)
  r.header_values = every_other(all_headers(r), 2)
  return r.header_values
end

function P.cookies(r)
  local found = {}
  for part in gmatch(P.header(r, "cookie", "; ") .. ";", "([^;]*);") do
    part = trimmed(part, false)
    if part ~= "" then
      local mark = find(part, "=", 1, true)
      local name = mark and sub(part, 1, mark - 1) or part
      found[#found + 1] = gsub(name, "%%(%x%x)", decoded)
      found[#found + 1] = mark and sub(part, mark + 1) or ""
    end
  end
  r.cookies = map_of(found)
  return r.cookies
end

-- The tags, highest weight first, without `*` (RFC 9110 12.5.4).
function P.languages(r)
  local found = {}
  for part in gmatch(P.header(r, "accept-language", ", ") .. ",", "([^,]*),") do
    local tag, weight = nil, 1
    for piece in gmatch(part .. ";", "([^;]*);") do
      piece = trimmed(piece, true)
      if tag == nil then
        tag = piece
      else
        local number = match(piece, "^[qQ]=([01]%.?%d*)$")
        local digits = number and match(number, "^[01]%.?(%d*)$")
        if digits and #digits <= 3 and (digits == "" or byte(number, 2) == 46) then
          weight = tonumber(number)
          if weight > 1 then weight = 1 end
        end
      end
    end
    if tag ~= "" and tag ~= "*" and weight > 0 then
      found[#found + 1] = {tag = tag, weight = weight, place = #found}
    end
  end
  sort(found, function(a, b)
    if a.weight ~= b.weight then return a.weight > b.weight end
    return a.place < b.place
  end)
  for i = 1, #found do found[i] = found[i].tag end
  r.languages = found
  return found
end

-- Names and values in turn; nothing is decoded, and empty parts are left out.
local function arguments(r)
  if r.arguments then return r.arguments end
  local found, query, from, equals = {}, r.query, 1, 0
  while from <= #query do
    local stop = find(query, "&", from, true) or #query + 1
    if stop > from then
      -- Looked for from where the last one was: a query without any is read once, not once a part.
      if equals < from then equals = find(query, "=", from, true) or #query + 1 end
      local mark = equals < stop and equals or stop
      found[#found + 1] = sub(query, from, mark - 1)
      found[#found + 1] = sub(query, mark + 1, stop - 1)
    end
    from = stop + 1
  end
  r.arguments = found
  return found
end

function P.arg_named(r, name) return values_of(arguments(r), name) end

function P.args(r)
  r.args = map_of(arguments(r))
  return r.args
end

function P.arg_names(r)
  r.arg_names = every_other(arguments(r), 1)
  return r.arg_names
end

function P.arg_values(r)
  r.arg_values = every_other(arguments(r), 2)
  return r.arg_values
end

function P.full_uri(r)
  r.full_uri = "https://" .. r.host .. r.uri
  return r.full_uri
end

-- What follows the last dot of the last segment, unless that dot begins the segment.
function P.extension(r)
  local name, found = match(match(r.path, "^.*/(.*)$"), "^(.*)%.(.*)$")
  r.extension = name and name ~= "" and lower(found) or ""
  return r.extension
end

function P.is_tcp(r) return sub(upper(r.protocol), 1, 6) ~= "HTTP/3" end

-- Parts of a request, put into `r`; false for what has to be asked about. ---------------------------------------------------

function P.read_method(r, q)
  r.method = P.method(q.method)
  return r.method ~= nil
end

function P.read_target(r, q)
  r.path, r.query = P.target(q.target)
  r.uri = q.target
  return r.path ~= nil
end

function P.read_headers(r, q)
  r.headers = P.headers(q.headers)
  return r.headers ~= nil
end

function P.read_address(r, q)
  r.address = P.address(q.address)
  return r.address ~= nil
end

function P.read_protocol(r, q)
  r.protocol = q.protocol
  return type(r.protocol) == "string"
end

function P.read_tls_version(r, q)
  r.tls_version = q.tls_version
  return type(r.tls_version) == "string"
end

function P.read_tls_cipher(r, q)
  r.tls_cipher = q.tls_cipher
  return type(r.tls_cipher) == "string"
end

function P.read_milliseconds(r, q)
  local at = q.milliseconds
  if not P.is_time(at) then return false end
  r.seconds, r.rest = floor(at / 1000), at % 1000
  return true
end

-- Rules. ----------------------------------------------------------------------------------------------------------------

-- Sorted numbers of rules and some more: none, one number, or those of several[-b].
function P.merged(a, b, several)
  if b == nil then return a end
  if b < 0 then b = several[-b] else b = {b} end
  if #a == 0 then return b end
  local out, i, j = {}, 1, 1
  while a[i] and b[j] do
    if a[i] < b[j] then
      out[#out + 1] = a[i]
      i = i + 1
    else
      out[#out + 1] = b[j]
      j = j + 1
    end
  end
  while a[i] do
    out[#out + 1] = a[i]
    i = i + 1
  end
  while b[j] do
    out[#out + 1] = b[j]
    j = j + 1
  end
  return out
end

-- The first of some rules that decides, 0 when none does, -1 when one has to be asked about. Effects: 1 decides, 2 is
-- only logged, 3 asks.
function P.first(r, f, logged, rules, effects, numbers)
  for i = 1, #numbers do
    local number = numbers[i]
    if rules[number](r, f) then
      local effect = effects[number]
      if effect == 1 then return number end
      if effect == 3 then return -1 end
      logged[#logged + 1] = number
    end
  end
  return 0
end

return P
