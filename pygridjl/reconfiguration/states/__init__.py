"""One configuration for many load states: expected losses, limits in every state."""
