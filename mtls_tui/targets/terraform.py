"""Rules as a Terraform resource `cloudflare_ruleset`, for provider version 5 (attributes) or 4 (blocks)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from mtls_tui.engine.model import Rule
from mtls_tui.targets.cloudflare import Note, ruleset

ProviderVersion: TypeAlias = Literal[4, 5]


def resource(
    rules: Iterable[Rule], *, name: str = "mtls", zone_id: str = "var.cloudflare_zone_id", version: ProviderVersion = 5
) -> tuple[str, list[Note]]:
    """The HCL text, formatted as `terraform fmt` leaves it, and what was not carried over.

    `zone_id` is an HCL expression; `name` the resource's name. What the text needs to be valid by itself comes along:
    the provider's source, and the variable when `zone_id` is one.
    """
    body, notes = ruleset(rules, description="Written by mtls-tui")
    lines = _preamble(zone_id, version)
    lines.append(f'resource "cloudflare_ruleset" {string(name)} {{')
    head: list[tuple[str, str]] = [("zone_id", zone_id)]
    head += [(key, string(body[key])) for key in ("name", "description", "kind", "phase")]
    lines += _assignments(head, 1)
    if version == 5:
        lines.append("")
        lines.append("  rules = [")
        for rule in body["rules"]:
            lines += ["    {", *_table(rule, 3, " = {"), "    },"]
        lines.append("  ]")
    else:
        for rule in body["rules"]:
            lines += ["", "  rules {", *_table(rule, 2, " {"), "  }"]
    lines.append("}")
    return "\n".join(lines) + "\n", notes


def _preamble(zone_id: str, version: ProviderVersion) -> list[str]:
    lines = [
        "terraform {",
        "  required_providers {",
        "    cloudflare = {",
        '      source  = "cloudflare/cloudflare"',
        f'      version = "~> {version}.0"',
        "    }",
        "  }",
        "}",
        "",
    ]
    if zone_id.startswith("var."):
        variable = string(zone_id.removeprefix("var."))
        lines += [
            f"variable {variable} {{",
            "  type        = string",
            '  description = "The zone of the rules"',
            "}",
            "",
        ]
    return lines


def string(text: str) -> str:
    """A quoted HCL string: quotes, backslashes, control characters and both template openings escaped."""
    out = ['"']
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    for character in text:
        if character in escapes:
            out.append(escapes[character])
        elif ord(character) < 32 or ord(character) == 127:
            out.append(f"\\u{ord(character):04x}")
        else:
            out.append(character)
    out.append('"')
    return "".join(out).replace("${", "$${").replace("%{", "%%{")


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else string(str(value))


def _assignments(pairs: Iterable[tuple[str, str]], depth: int) -> list[str]:
    pairs = list(pairs)
    width = max((len(key) for key, _ in pairs), default=0)
    return ["  " * depth + f"{key.ljust(width)} = {value}" for key, value in pairs]


def _table(value: dict[str, Any], depth: int, opening: str) -> list[str]:
    """The lines of an object; `opening` stands behind the name of a nested one."""
    lines = _assignments([(k, _scalar(v)) for k, v in value.items() if not isinstance(v, dict)], depth)
    for key, nested in value.items():
        if isinstance(nested, dict):
            lines += ["  " * depth + key + opening, *_table(nested, depth + 1, opening), "  " * depth + "}"]
    return lines
