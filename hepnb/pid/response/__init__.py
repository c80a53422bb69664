"""The PID response as a density: templates, resampling and transformation of simulation."""
