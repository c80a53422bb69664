"""Background functions: families, f-test, envelope, signal plus background."""
