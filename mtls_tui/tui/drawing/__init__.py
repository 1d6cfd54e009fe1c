"""Lines, colours and how they reach the terminal; knows nothing of rules."""
