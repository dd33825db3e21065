"""pandapower networks."""
