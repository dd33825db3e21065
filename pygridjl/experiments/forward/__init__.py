"""The experiments of FORWARD."""
