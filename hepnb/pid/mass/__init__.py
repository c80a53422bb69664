"""Mass models, fits of mass spectra, and what a fit gives."""
