"""Read a signal from a few lines of YAML or JSON, or from a mapping of the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hepnb.background.signal.crystal_ball import DoubleSidedCrystalBall
from hepnb.background.signal.gaussians import SumOfGaussians
from hepnb.background.signal.shapes import Peak
from hepnb.background.signal.template import TemplateSignal
from hepnb.errors import BadParameters, UnreadableFile, nearest

__all__ = ("SIGNAL_SHAPES", "describe_signal", "load_mapping", "read_signal", "read_signals")


def __dir__() -> tuple[str, ...]:
    return __all__


SIGNAL_SHAPES: Mapping[str, type[Peak]] = MappingProxyType(
    {
        "double_sided_crystal_ball": DoubleSidedCrystalBall,
        "sum_of_gaussians": SumOfGaussians,
        "template": TemplateSignal,
    }
)
"""Value of the key ``shape`` to the class that is built."""


def read_signal(source: Peak | Mapping[str, Any] | str | Path) -> Peak:
    """Give the signal that a mapping or a file describes.

    Parameters
    ----------
    source
        A mapping with ``shape`` (one of `SIGNAL_SHAPES`) and the parameters of that class under
        their own names, for instance ``{shape: double_sided_crystal_ball, expected: 50,
        mean: 125, sigma: 1.6, alpha_low: 1.4, n_low: 4, alpha_high: 1.8, n_high: 8}``; or the
        path of a YAML or JSON file with such a mapping, or its text in braces. A signal is given
        back as it is.

    Returns
    -------
    Peak
        The signal.

    Raises
    ------
    BadParameters
        A key is unknown or missing, or a value is refused.
    UnreadableFile
        The file is missing or is no such mapping.
    """
    if isinstance(source, Peak):
        return source
    content = dict(source if isinstance(source, Mapping) else load_mapping(source))
    name = content.pop("shape", None)
    if name not in SIGNAL_SHAPES:
        known = ", ".join(SIGNAL_SHAPES)
        message = f"signal shape {name!r} is not one of {known}{nearest(str(name), SIGNAL_SHAPES)}"
        raise BadParameters(message)
    cls = SIGNAL_SHAPES[name]
    known_keys = [each.name for each in fields(cls)]
    for key in content:
        if key not in known_keys:
            allowed = ", ".join(known_keys)
            message = f"{name} has no {key!r}{nearest(key, known_keys)} (known: {allowed})"
            raise BadParameters(message)
    try:
        return cls(**{key: _numbers(name, key, value) for key, value in content.items()})
    except TypeError as error:
        message = f"signal {name}: {str(error).split('() ')[-1]}"
        raise BadParameters(message) from None


def read_signals(
    source: Mapping[str, Any] | str | Path, categories: tuple[str, ...]
) -> dict[str, Peak]:
    """Give the signal of each category.

    Parameters
    ----------
    source
        As for `read_signal`, for a signal that all categories share; or a mapping (or file) of
        category to such a description.
    categories
        Names of the categories; none: all that are described, or ``""`` for a shared one.

    Returns
    -------
    dict
        Category to signal, in the order of `categories`.

    Raises
    ------
    BadParameters
        A category has no signal, or a description is refused.
    UnreadableFile
        The file is missing or is no such mapping.
    """
    content = source if isinstance(source, Mapping) else load_mapping(source)
    if "shape" in content:
        return {name: read_signal(content) for name in categories or ("",)}
    names = categories or tuple(content)
    for name in names:
        if name not in content:
            known = ", ".join(map(str, content)) or "none"
            message = f"category {name!r} has no signal{nearest(name, content)} (known: {known})"
            raise BadParameters(message)
    return {name: read_signal(content[name]) for name in names}


def describe_signal(signal: Peak) -> dict[str, Any]:
    """Give the mapping that `read_signal` turns into this signal; infinite ends are left out."""
    [shape] = [name for name, cls in SIGNAL_SHAPES.items() if type(signal) is cls]
    values = {each.name: getattr(signal, each.name) for each in fields(signal)}
    finite = {key: value for key, value in values.items() if value not in {-_INFINITY, _INFINITY}}
    return {"shape": shape} | {
        key: list(value) if isinstance(value, tuple) else value for key, value in finite.items()
    }


_INFINITY = float("inf")


def load_mapping(path: str | Path) -> Mapping[str, Any]:
    """Read a mapping from a YAML or JSON file, or from such text in braces.

    Raises
    ------
    UnreadableFile
        There is no such file, or it holds no mapping.
    """
    import yaml

    try:
        # every JSON document is a YAML one; no path begins with a brace
        inline = isinstance(path, str) and path.lstrip().startswith("{")
        text = path if inline else Path(path).read_text(encoding="utf-8")
        content = yaml.safe_load(str(text))
    except OSError as error:
        message = f"signal file {str(path)!r} cannot be read: {error.strerror}"
        raise UnreadableFile(message) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"signal file {str(path)!r} is neither YAML nor JSON: {error}"
        raise UnreadableFile(message) from None
    if not isinstance(content, Mapping):
        message = f"signal file {str(path)!r} holds a {type(content).__name__}, not a mapping"
        raise UnreadableFile(message)
    return content


def _numbers(shape: str, key: str, value: Any) -> Any:
    try:
        return [float(each) for each in value] if isinstance(value, list | tuple) else float(value)
    except (TypeError, ValueError):
        message = f"{key} = {value!r} of {shape} is not a number or a list of numbers"
        raise BadParameters(message) from None
