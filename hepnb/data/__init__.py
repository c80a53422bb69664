"""Collections, chunked reading, variables, cuts and samples (floor 0)."""
