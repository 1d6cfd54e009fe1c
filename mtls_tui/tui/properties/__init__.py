"""The properties that the rule file states: proved, broken or open, beside the rules while they are edited."""
