"""A tiny stage whose notebook each test writes for itself."""

from pathlib import Path
from typing import ClassVar

import nbformat
import pytest
from pydantic import Field

from hepnb.stages import Stage

PARAMETERS = 'number = 1\nlabel = "a"\nfile = ""\nseed = 7'
WRITE_RESULT = """
import json, os, pathlib
run = pathlib.Path(os.environ["HEPNB_RUN_DIR"])
(run / "table.csv").write_text(f"number\\n{number}\\n")
parameters = {"number": number, "label": label, "file": file, "seed": seed}
numbers = {"n": {"value": number, "uncertainty": [0.5, 0.25], "unit": "GeV", "status": "ok"}}
result = {"stage": "tiny", "fingerprint": os.environ["HEPNB_FINGERPRINT"], "numbers": numbers,
          "parameters": parameters, "products": ["table.csv"]}
(run / "result.json").write_text(json.dumps(result))
"""


class TinyBase(Stage):
    title: ClassVar[str] = "A tiny stage"
    folder: ClassVar[Path]

    number: int = Field(default=1, description="a number", json_schema_extra={"unit": "GeV"})
    label: str = Field(default="a", description="a label")
    file: str = Field(default="", description="an input")
    seed: int = Field(default=7, description="of the random numbers")

    @classmethod
    def notebook_path(cls) -> Path:
        return cls.folder / "tiny.ipynb"

    def input_files(self) -> tuple[str, ...]:
        return (self.file,) if self.file else ()


def write_stage(folder: Path, *cells: str, parameters: str | None = PARAMETERS) -> type[Stage]:
    """Stage `Tiny` with a notebook of these code cells; a cell with # above is prose."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    if parameters is not None:
        cell = nbformat.v4.new_code_cell(parameters)
        cell.metadata["tags"] = ["parameters"]
        notebook.cells.append(cell)
    for source in cells:
        prose = source.startswith("# ")
        new = nbformat.v4.new_markdown_cell if prose else nbformat.v4.new_code_cell
        notebook.cells.append(new(source))
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "tiny.ipynb")

    class Tiny(TinyBase):
        pass

    Tiny.folder = folder
    return Tiny


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEPNB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def make_stage(tmp_path):
    """Give a function that writes a stage: code cells in, class out."""
    return lambda *cells, **options: write_stage(tmp_path / "stage", *cells, **options)


@pytest.fixture
def good_stage(make_stage):
    return make_stage(WRITE_RESULT)


@pytest.fixture
def write_result():
    return WRITE_RESULT


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run that tests look at and leave as it is."""
    from hepnb.runner import run

    folder = tmp_path_factory.mktemp("finished")
    stage = write_stage(folder / "stage", "# Save\nWell.", WRITE_RESULT)
    return stage, run(stage(label="007"), folder / "run", progress=False)
