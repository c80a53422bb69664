"""Systematic uncertainties of efficiencies: bootstrap, models, bins, components."""
