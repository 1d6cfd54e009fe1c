"""The demonstration: a workspace with everything in it, and a tour that compares simulation with reality."""
