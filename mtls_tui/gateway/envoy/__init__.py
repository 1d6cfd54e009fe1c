"""What is Envoy's: its binary, its configuration, the Lua that runs in it, and keeping a running Envoy up to date."""
