"""Two-stage stochastic siting and sizing of distributed generation."""
