"""House style and the figures that more than one stage draws: axes in, artists out (floor 1)."""

from hepnb.plotting.style import COLOURS, axis_label, label, new_axes, new_axes_grid, style

__all__ = ("COLOURS", "axis_label", "label", "new_axes", "new_axes_grid", "style")


def __dir__() -> tuple[str, ...]:
    return __all__
