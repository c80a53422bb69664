from __future__ import annotations

import nbclient
import nbformat
import pytest


@pytest.mark.notebook
def test_every_figure_is_shown_under_its_cell_and_not_only_the_first():
    cells = [
        "from hepnb.plotting import new_axes, style\nfirst = new_axes(panel=True)",
        "second = new_axes()",
        "with style():\n    third = new_axes()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    shown = [[list(each["data"]) for each in cell.outputs] for cell in notebook.cells]
    assert [["image/png" in each for each in outputs] for outputs in shown] == [[True]] * 3
