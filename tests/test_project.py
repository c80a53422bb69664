"""The project keeps the promises of its files."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch"}
NOT_ON_CONDA_ROUTE = {"mc", "test", "bench", "all"}
HEAVY = ("torch", "sklearn", "papermill", "dask", "distributed", "sweights", "pandas", "matplotlib")


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_file_equals_pyproject_in_names_and_lower_bounds():
    project = pyproject()
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    wanted = set()
    for group, requirements in groups.items():
        if group not in NOT_ON_CONDA_ROUTE:
            for requirement in requirements:
                name, bound = requirement.split(">=")
                wanted.add((CONDA_NAMES.get(name, name), bound))
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [each for each in environment["dependencies"] if isinstance(each, str)]
    pairs = {tuple(each.split(" >=")) for each in conda if " >=" in each}
    assert pairs - {("python", "3.11")} == wanted
    assert ("python", project["requires-python"].removeprefix(">=")) in pairs
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def test_every_dependency_is_pinned_exactly_above_its_lower_bound():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    project = pyproject()
    extras = [each for group, rs in project["optional-dependencies"].items() for each in rs]
    for requirement in [*project["dependencies"], *extras]:
        if requirement.startswith("hepnb["):
            continue
        name, bound = requirement.split(">=")
        pinned = tuple(int(part) for part in re.findall(r"\d+", pins[name.lower()]))
        assert pinned >= tuple(int(part) for part in re.findall(r"\d+", bound)), name


def test_one_version_everywhere():
    import hepnb

    version = pyproject()["version"]
    assert hepnb.__version__ == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("package", ["hepnb", "hepnb.pid", "hepnb.pid.apply"])
def test_import_of_a_package_loads_nothing_heavy(package):
    code = f"import {package}, sys; print(*[name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", [["--help"], ["list"], ["show", "weight_table"]])
def test_light_commands_load_no_notebook_machinery(command):
    code = (
        "import sys; from hepnb.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *[n for n in ('torch', 'papermill', 'distributed') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


def test_every_public_name_of_hepnb_can_be_had():
    import hepnb

    for name in (*hepnb.__all__, "data", "pid", "stages"):
        assert getattr(hepnb, name) is not None
    with pytest.raises(AttributeError, match="nosuch"):
        hepnb.nosuch  # noqa: B018


@pytest.mark.parametrize("package", ["hepnb.pid", "hepnb.pid.apply"])
def test_names_that_are_loaded_when_asked_for_are_all_there(package):
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        # a module of the same name would take its place once it is imported
        assert not inspect.ismodule(getattr(module, name)), name
    with pytest.raises(AttributeError, match="nosuch"):
        module.nosuch  # noqa: B018
