"""What lint found, and how it is shown and mended."""
