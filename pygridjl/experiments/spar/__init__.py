"""The experiments of SPAR-OPF."""
