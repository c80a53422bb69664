"""Efficiency against threshold, ROC curves, and distributions."""
