"""Hosts and their rules: the list, its actions, its drawing."""
