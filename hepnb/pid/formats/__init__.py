"""Weight tables as files of every kind in use, and back."""
