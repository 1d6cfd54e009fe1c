"""The sample of the first-run screen: a rule file without a file, to look around in."""

from __future__ import annotations

from mtls_tui.rulefile import RuleFile, loads

TEXT = """\
# The sample of mtls-tui. Nothing is written anywhere until you save it under a name of your own.
version = 1

[[hosts]]
name = "api.example.com"
mtls = true

[[hosts]]
name = "pay.example.com"
mtls = true

[[hosts]]
name = "www.example.com"
mtls = false

[lists.office]
kind = "ip"
description = "Where the office comes from"
items = ["192.0.2.0/24"]

[[rules]]
ref = "mtls-api"
description = "Only clients with a valid certificate; webhooks may come without"
expression = '''(http.host in {"api.example.com" "pay.example.com"} \\
and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked) \\
and not starts_with(http.request.uri.path, "/hook/"))'''
action = "block"
response = { status = 403, content_type = "application/json", body = '{"error":"client certificate required"}' }

[[rules]]
ref = "admin-from-office"
description = "The admin pages are for the office only"
expression = '''(http.request.uri.path wildcard "/admin/*" and not ip.src in $office)'''
action = "block"

[[rules]]
ref = "debug-header"
description = "Write down who still sends the old debug header"
expression = '''any(lower(http.request.headers.names[*])[*] == "x-debug")'''
action = "log"

[[tests]]
name = "no certificate is blocked"
url = "https://api.example.com/v1/pay"
method = "POST"
expect = { action = "block", rule = "mtls-api" }

[[tests]]
name = "a valid certificate gets in"
url = "https://api.example.com/v1/pay"
certificate = "good"
expect = { action = "allow" }

[[tests]]
name = "a revoked certificate is blocked"
url = "https://pay.example.com/"
certificate = "revoked"
expect = { action = "block", rule = "mtls-api" }

[[tests]]
name = "webhooks need no certificate"
url = "https://api.example.com/hook/stripe"
method = "POST"
expect = { action = "allow" }

[[tests]]
name = "admin from elsewhere is blocked"
url = "https://www.example.com/admin/users"
ip = "198.51.100.7"
expect = { action = "block", rule = "admin-from-office" }
""".replace(" \\\n", "\n ")


def rulefile() -> RuleFile:
    """The sample."""
    return loads(TEXT, strict=False)
