"""The Rules language. Knows no files, sockets or clocks."""
