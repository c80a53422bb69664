"""The demo: the chain of stages on the embedded samples, and one page that shows it."""

from __future__ import annotations

import csv
import html
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hepnb.runner.run import run
from hepnb.stages import find

__all__ = ("CHAIN", "Step", "demo", "write_page")

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Step:
    """One run of the demo.

    Attributes
    ----------
    folder
        Where it goes, inside the folder of the demo.
    stage
        Name of the stage.
    heading
        What the page says above it.
    parameters
        Those that differ from the defaults.
    """

    folder: str
    stage: str
    heading: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


_PROTON_BINNING = {
    "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
    "cosTheta": [-0.866, -0.4226, 0.225, 0.766, 0.9563],
}

CHAIN: tuple[Step, ...] = (
    Step("mass_fit", "mass_fit", "D*+ → D0(K π) π: mass fit and sWeights"),
    Step("kaon_weights", "weight_table", "Kaon efficiency: data/MC weights for kaonID > 0.6"),
    Step(
        "pion_fake_rate",
        "weight_table",
        "Pions that pass kaonID > 0.6: data/MC weights of the fake rate",
        {"particle": "pi"},
    ),
    Step(
        "proton_efficiency",
        "efficiency_table",
        "Λ → p π: proton efficiency for protonID > 0.6",
        {
            "study": "Lambda",
            "particle": "p",
            "cut": "protonID > 0.6",
            "binning": _PROTON_BINNING,
        },
    ),
    Step("kaon_roc", "id_vs_misid_curve", "Kaon efficiency against pion fake rate"),
    Step("applied", "apply_weights", "The weights applied to simulation, and checked against data"),
    Step(
        "kaon_response",
        "pid_correction",
        "kaonID of simulation, transformed to the response of data, and checked against other data",
    ),
    Step(
        "background_functions",
        "ftest",
        "Di-photon-like mass spectrum, the peak hidden: which functions describe it",
        {"blind": [115, 135], "toys": 100},
    ),
    Step(
        "signal_on_background",
        "splusb",
        "The same in four categories, the peak shown: signal strength on the background",
        {"unblind": True},
    ),
)


def demo(out: Path, *, events: int | None = None, force: bool = False, workers: int = 2) -> Path:
    """Run the demo chain headless and write the page that shows it.

    Parameters
    ----------
    out
        Folder of the demo; every run gets a folder inside.
    events
        Candidates per study in data and in simulation; None takes the embedded samples.
    force
        Run again what has already been run.
    workers
        Notebooks at a time.

    Returns
    -------
    Path
        The page, ``out/index.html``.
    """
    from hepnb.data import samples

    out.mkdir(parents=True, exist_ok=True)
    common: dict[str, Any] = {}
    if events is None:
        samples.ensure()
    else:
        folder = out / "samples"
        if force or not (folder / "catalogue.yaml").exists():
            samples.make(folder, events=events)
        common["site"] = str(folder / "catalogue.yaml")

    def execute(step: Step) -> None:
        kind = find(step.stage)
        shared = {name: value for name, value in common.items() if name in kind.model_fields}
        stage = kind.from_values({**shared, **step.parameters})
        log.info("%s: %s", step.folder, step.heading)
        run(stage, out=out / step.folder, force=force, progress=False)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(execute, CHAIN))
    return write_page(out, CHAIN)


def write_page(out: Path, steps: Sequence[Step]) -> Path:
    """Write one page with each figure, table and executed notebook of finished runs.

    Parameters
    ----------
    out
        Folder that holds the runs.
    steps
        What to show, in order.

    Returns
    -------
    Path
        ``out/index.html``; its links are relative, so that the folder can be moved.
    """
    sections = [_section(out / step.folder, step) for step in steps]
    page = out / "index.html"
    page.write_text(_PAGE.format(style=_STYLE, sections="\n".join(sections)), encoding="utf-8")
    return page


def _section(folder: Path, step: Step) -> str:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    figures = "".join(
        f'<a href="{path}"><img src="{path}" alt="{html.escape(path.stem)}"></a>'
        for path in (each.relative_to(folder.parent) for each in _in_order(folder.glob("*.png")))
    )
    files = ", ".join(
        f'<a href="{folder.name}/{each.name}">{each.name}</a>'
        for each in sorted(folder.iterdir())
        if each.is_file()
    )
    notebook = _notebook_page(folder)
    changed = " ".join(f"-p {name}='{value}'" for name, value in step.parameters.items())
    command = html.escape(f"hepnb run {step.stage} {changed}".strip())
    tables = "".join(
        _table(path) for path in sorted(folder.glob("*.csv")) if "status" not in path.name
    )
    return (
        f"<section><h2>{html.escape(step.heading)}</h2>"
        f"<p><code>{command}</code> &middot; fingerprint <code>{record['fingerprint'][:12]}</code>"
        f' &middot; <a href="{folder.name}/{notebook}">the executed notebook</a></p>'
        f'<div class="figures">{figures}</div>{_numbers(result)}{tables}'
        f'<p class="files">Files: {files}</p></section>'
    )


def _in_order(files: Iterable[Path]) -> list[Path]:
    """Files in the order in which the notebook wrote them."""
    return sorted(files, key=lambda file: file.stat().st_mtime_ns)


def _notebook_page(folder: Path) -> str:
    """Write the executed notebook as a page where nbconvert is installed; give what to link."""
    try:
        from nbconvert import HTMLExporter
    except ImportError:
        return "notebook.ipynb"
    body, _ = HTMLExporter().from_filename(str(folder / "notebook.ipynb"))
    (folder / "notebook.html").write_text(body, encoding="utf-8")
    return "notebook.html"


def _numbers(result: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{_value(number)}</td>"
        f"<td>{html.escape(number.get('unit') or '')}</td>"
        f"<td>{html.escape(number.get('status') or '')}</td></tr>"
        for name, number in result["numbers"].items()
    )
    head = "<tr><th>number</th><th>value</th><th>unit</th><th>status</th></tr>"
    return f"<details><summary>Numbers</summary><table>{head}{rows}</table></details>"


def _value(number: Mapping[str, Any]) -> str:
    value, uncertainty = number["value"], number.get("uncertainty")
    if value is None:
        return "not defined"
    if uncertainty is None:
        return f"{value:.6g}"
    if isinstance(uncertainty, list):
        down, up = uncertainty
        return f"{value:.6g} <sup>+{up:.2g}</sup> <sub>&minus;{down:.2g}</sub>"
    return f"{value:.6g} &plusmn; {uncertainty:.2g}"


def _table(path: Path, rows: int = 8) -> str:
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    cells = [
        "<tr>" + "".join(f"<{tag}>{html.escape(_short(cell))}</{tag}>" for cell in line) + "</tr>"
        for tag, line in zip(["th"] + ["td"] * rows, lines, strict=False)
    ]
    more = f", first {rows} of {len(lines) - 1} rows" if len(lines) - 1 > rows else ""
    body = "".join(cells)
    return (
        f"<details><summary>{path.name}{more}</summary>"
        f'<div class="wide"><table>{body}</table></div></details>'
    )


def _short(cell: str) -> str:
    try:
        return f"{float(cell):.5g}"
    except ValueError:
        return cell


_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } section { margin-top: 2.5rem; border-top: 1px solid #8886; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 1rem; }
.figures img { width: 100%; background: white; border-radius: 6px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
td, th { padding: 2px 10px; text-align: right; }
td, th { border-bottom: 1px solid #8883; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
.wide { overflow-x: auto; } details { margin: .7rem 0; } summary { cursor: pointer; }
.files { font-size: 14px; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>hepnb demo</title>
<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>
<h1>hepnb demo</h1>
<p>Each section is one run of one notebook on the embedded samples: its figures, numbers, tables
and the executed notebook itself.</p>
{sections}
</body></html>
"""
