"""The decision processes: the pool of them, the protocol between them and the supervisor, and the process itself."""
