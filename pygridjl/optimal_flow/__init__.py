"""Optimal power flow."""
