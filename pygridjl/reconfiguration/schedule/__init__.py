"""Schedules: a configuration for every period, with what switching between them costs."""
