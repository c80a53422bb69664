"""From ntuples to campaigns: refits, fixed weights, production."""
