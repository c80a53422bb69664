"""Particle identification: mass fits, sWeights, efficiencies and weight tables (floor 2)."""
