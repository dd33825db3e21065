"""Physics: radial AC sweep, bus admittance, linearised branch flow."""
