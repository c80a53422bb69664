"""Tables of efficiencies and weights: bins, statuses, columns and figures."""
