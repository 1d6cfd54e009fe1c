"""Rules in and out of other systems: Cloudflare's Rulesets API and Terraform. Knows no screens, sends nothing."""

from mtls_tui.targets.cloudflare import Note, TargetError, read_ruleset, ruleset
from mtls_tui.targets.terraform import resource

__all__ = ["Note", "TargetError", "read_ruleset", "resource", "ruleset"]
