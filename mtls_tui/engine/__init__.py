"""From a request to a decision. Knows no sockets and no screens."""
