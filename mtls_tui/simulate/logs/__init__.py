"""Reading access logs: one format a module, nothing of rules."""
