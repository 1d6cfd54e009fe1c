"""What an export would change, and what is deployed."""
