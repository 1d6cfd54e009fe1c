"""Requests from URL, curl or logs, and what they would get and why. Knows no screens."""
