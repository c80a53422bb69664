"""Discrete profiling of the signal strength, and studies of its bias and coverage."""
