"""What `hepnb.background` offers by name."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import hepnb.background


@pytest.mark.parametrize("name", hepnb.background.__all__)
def test_every_public_name_can_be_had_and_is_no_module(name):
    # a module of that name would take the place of the function once it is imported
    assert not isinstance(getattr(hepnb.background, name), ModuleType)
    with pytest.raises(ImportError):
        importlib.import_module(f"hepnb.background.{name}")


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nosuch"):
        _ = hepnb.background.nosuch
