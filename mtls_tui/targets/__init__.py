"""Rules in and out of other systems. Knows no screens."""
