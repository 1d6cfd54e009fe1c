"""The rule file and the bundle: read, check, edit in place, save atomically, export."""
