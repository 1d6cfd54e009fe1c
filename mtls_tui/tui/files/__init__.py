"""The rule file: opening, saving, drafts, the first run."""
