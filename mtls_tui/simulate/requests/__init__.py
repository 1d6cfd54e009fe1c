"""Requests from what people have at hand: a URL, a curl command line, a HAR file, JSON. One source a module."""
