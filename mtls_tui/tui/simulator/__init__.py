"""The request of the simulator, the saved requests and the verdict."""
