"""Small solvers compiled for one shape of problem."""
