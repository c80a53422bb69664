"""Weights that subtract the background: sWeights, COWs, and ways without a fittable mass."""
