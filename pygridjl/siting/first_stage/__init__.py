"""The decision: rows of the planning set and how units are allotted."""
