"""Constructions and improvements of spanning trees by the linear model."""
