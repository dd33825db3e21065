"""What knows no grid: errors, files, arguments, results, compiled kernels."""
