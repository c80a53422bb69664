"""Forms, collection picker, cut editor and binning editor (floor 4)."""
