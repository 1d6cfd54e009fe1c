-- Tells the decision service which header lines of a question were doubled, and how long each was.
-- luacheck: globals envoy_on_request
function envoy_on_request(handle)
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
    local parts = {}
    for name, lengths in pairs(seen) do
      if #lengths > 1 then
        parts[#parts + 1] = name .. "=" .. table.concat(lengths, "+")
      end
    end
    headers:add("x-mtls-tui-duplicates", table.concat(parts, ";"))
  end
end
