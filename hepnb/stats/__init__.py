"""Intervals, weighted statistics and goodness of fit, as pure functions of arrays (floor 1)."""
