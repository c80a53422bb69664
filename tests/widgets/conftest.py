from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def every_kind():
    """The module of the stage with a parameter of every kind."""
    path = Path(__file__).with_name("every_kind.py")
    spec = importlib.util.spec_from_file_location("every_kind", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["every_kind"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def catalogue_file(every_kind, tmp_path_factory):
    return every_kind.write_catalogue(tmp_path_factory.mktemp("site"))


@pytest.fixture
def interactive(monkeypatch):
    """As in JupyterLab, but for the screen."""
    monkeypatch.setattr("hepnb.widgets.stage_form.is_interactive", lambda: True)


@pytest.fixture
def form(every_kind, catalogue_file, interactive):
    """A form on the toy site."""
    import hepnb

    return hepnb.form(every_kind.EveryKind, {"site": str(catalogue_file)})


@pytest.fixture
def fields(form):
    return form._panel.fields
