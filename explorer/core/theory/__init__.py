"""What theory says of a loss, a rule and a point: curvature, edges, growth per step, noise. Knows nothing of runs."""
