"""One module a formulation of the optimal power flow."""
