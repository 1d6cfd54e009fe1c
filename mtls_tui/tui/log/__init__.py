"""The live log's board."""
