"""OpenDSS circuits as networks and feeders."""
