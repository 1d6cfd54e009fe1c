"""Where the parts of the screen stand, and which part of a long one is shown."""
