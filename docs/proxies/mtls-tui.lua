-- Asks the decision service of mtls-tui; whatever goes wrong, the request is not allowed.
local SERVICE = "http://127.0.0.1:9000/"
local CARRIERS = { ["x-client-cert"] = true, ["x-client-cert-chain"] = true, ["host"] = true, ["connection"] = true,
                   ["content-length"] = true, ["transfer-encoding"] = true, ["expect"] = true, ["upgrade"] = true }

core.register_action("mtls_tui", { "http-req" }, function(txn)
    txn:set_var("txn.allowed", false)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not CARRIERS[name] and name:sub(1, 11) ~= "x-original-" then
            headers[name] = {}
            for index = 0, #values do
                headers[name][index + 1] = values[index]
            end
        end
    end
    local function tell(name, value)
        if value ~= nil and value ~= "" then
            headers[name] = { tostring(value) }
        end
    end
    tell("x-original-method", txn.sf:method())
    tell("x-original-uri", txn.sf:pathq())
    tell("x-original-host", txn:get_var("txn.host"))
    tell("x-original-client", txn.sf:src())
    tell("x-original-scheme", txn.sf:ssl_fc() == 1 and "https" or "http")
    tell("x-original-sni", txn:get_var("txn.sni") or "-")
    tell("x-original-tls-version", txn:get_var("txn.tls"))
    tell("x-original-tls-cipher", txn:get_var("txn.cipher"))
    tell("x-original-protocol", "HTTP/" .. (txn.sf:req_ver() or "1.1"))
    tell("x-client-cert", txn:get_var("txn.leaf"))
    tell("x-client-cert-chain", txn:get_var("txn.chain"))
    local answer = core.httpclient():get({ url = SERVICE, headers = headers, timeout = 1000 })
    if answer ~= nil and answer.status == 200 then
        local cert = answer.headers["client-cert"]
        if cert ~= nil then
            txn:set_var("txn.verified", cert[0] or cert[1])
        end
        txn:set_var("txn.allowed", true)
    end
end, 0)
