"""The application: brings the subjects together, draws, and does what actions ask of the world."""
