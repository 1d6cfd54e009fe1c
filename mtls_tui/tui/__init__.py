"""The terminal UI: draws one immutable document and sends actions. Holds no rule of its own."""
