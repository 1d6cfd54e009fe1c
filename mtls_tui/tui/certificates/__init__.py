"""What the screen says of certificates."""
