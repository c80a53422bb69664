"""Execute a stage's notebook, record it, find it again (floor 4)."""
