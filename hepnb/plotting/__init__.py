"""House style and the figures that more than one stage draws: axes in, artists out (floor 1)."""
