"""The register of actions, and what is made from it: keys, help, the bars."""
