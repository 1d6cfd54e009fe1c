"""Enforcement: the decision service and the Envoy that asks it. Knows no screens."""
