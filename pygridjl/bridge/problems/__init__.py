"""What Julia is asked, one module a problem; plain answers."""
