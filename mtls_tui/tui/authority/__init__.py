"""The certificate authority's board."""
