"""Findings about rules: lint and proofs. Knows no screens and no sockets."""
