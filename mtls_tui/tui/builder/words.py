"""The actions of rules, in words."""

from __future__ import annotations

ACTION_WORDS = {
    "block": "Block", "log": "Log", "skip": "Skip", "managed_challenge": "Managed challenge",
    "js_challenge": "Non-interactive challenge", "challenge": "Interactive challenge",
}  # fmt: skip


MATCH_WORDS = {
    "block": "BLOCKS", "log": "LOGS", "skip": "SKIPS", "managed_challenge": "CHALLENGES", "js_challenge": "CHALLENGES",
    "challenge": "CHALLENGES",
}  # fmt: skip
