"""Convex relaxations of the AC optimal power flow, and bounds that are safe."""
