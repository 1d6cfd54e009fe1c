"""The rule as rows: what a row offers, its actions, its drawing."""
