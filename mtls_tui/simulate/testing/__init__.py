"""The tests of a rule file: run, covered, reported. Their certificates come by role."""
