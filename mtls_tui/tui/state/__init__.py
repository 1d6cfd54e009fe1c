"""Everything the program knows, as immutable data."""
