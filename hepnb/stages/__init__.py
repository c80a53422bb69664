"""One module per stage: its parameters, nothing that computes (floor 3)."""
