"""JupyterLab in headless Chromium: one server per session, one browser context per test."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

log = logging.getLogger(__name__)

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OWN_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
    "MPLCONFIGDIR",
)
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # off-screen cells stay in the page, where selectors find them
    "notebook-extension/tracker": {"windowingMode": "none"},
}
PATIENCE = 90_000  # milliseconds for one state to come, on a busy machine
MESSAGE_PATIENCE = 30_000
MOST_TRIES = 3

_IDLE = """() => {
  const widget = window.jupyterapp.shell.currentWidget
  if (!widget || !widget.context || !widget.context.isReady) return false
  const session = widget.sessionContext.session
  return session && session.kernel && session.kernel.status === 'idle'
}"""
_OUTPUTS = """index => {
  const model = window.jupyterapp.shell.currentWidget.content.widgets[index].model
  return model.outputs ? model.outputs.toJSON() : []
}"""
_CELL = """source => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
  cell => cell.model.type === 'code' && cell.model.sharedModel.getSource().includes(source))"""
_PICTURE = """index => window.jupyterapp.shell.currentWidget.content.widgets[index].node
  .querySelector('.jp-OutputArea img').src"""
_RUN = """([command, index]) => {
  const app = window.jupyterapp
  if (index !== null) app.shell.currentWidget.content.activeCellIndex = index
  window.hepnbDone = false
  app.commands.execute(command).finally(() => { window.hepnbDone = true })
}"""


@dataclass(frozen=True)
class Server:
    """A running JupyterLab, and the folder that it shows."""

    address: str
    token: str
    root: Path


@dataclass
class Lab:
    """One notebook open in one browser context."""

    page: Any
    problems: list[str] = field(default_factory=list)

    def find(self, selector: str) -> Any:
        """Element of the notebook on the screen, not of a hidden tab."""
        return self.page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) {selector}").first

    def run_all(self, timeout: int = PATIENCE) -> None:
        self._run("notebook:run-all-cells", None, timeout)

    def run_below(self, index: int, timeout: int = PATIENCE) -> None:
        """Run that cell and all below it, as a person does after changing the form."""
        self._run("notebook:run-all-below", index, timeout)

    def cell(self, source: str) -> int:
        """Number of the first cell whose source has that text."""
        return self.page.evaluate(_CELL, source)

    def image(self, index: int) -> str:
        """The picture under cell number `index`, as the text of its file."""
        return self.page.evaluate(_PICTURE, index)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        return self.page.evaluate(_OUTPUTS, index)

    def text(self, index: int) -> str:
        """What cell number `index` printed."""
        streams = (each for each in self.outputs(index) if each["output_type"] == "stream")
        return "".join("".join(each["text"]) for each in streams)

    def errors(self) -> list[str]:
        count = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
        )
        outputs = (output for index in range(count) for output in self.outputs(index))
        return [each["evalue"] for each in outputs if each["output_type"] == "error"]

    def wait_text(self, selector: str, text: str) -> None:
        """Until the element says so; a failure tells what it says instead."""
        from playwright.sync_api import TimeoutError as TooLate

        whole = self.page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) {selector}")
        try:
            whole.filter(has_text=text).first.wait_for(timeout=MESSAGE_PATIENCE)
        except TooLate:
            pytest.fail(f"{selector} says {whole.all_text_contents()}, not {text!r}")

    def save(self) -> None:
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function(
            "() => !window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=PATIENCE
        )

    def theme(self, name: str) -> None:
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })",
            f"JupyterLab {name}",
        )
        light = "true" if name == "Light" else "false"
        body = f"body[data-jp-theme-light='{light}']"
        self.page.wait_for_selector(body, state="attached", timeout=PATIENCE)

    def _run(self, command: str, index: int | None, timeout: int) -> None:
        self.page.evaluate(_RUN, [command, index])
        self.page.wait_for_function("() => window.hepnbDone === true", timeout=timeout)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("jupyter")
    root = tmp_path_factory.mktemp("notebooks")
    environment = {k: v for k, v in os.environ.items() if k != "HEPNB_RUN_DIR"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for name in OWN_FOLDERS:
        environment[name] = str(home / name.lower())
        Path(environment[name]).mkdir()
    for name, values in SETTINGS.items():
        path = Path(environment["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.jupyterlab-settings").write_text(json.dumps(values))
    token = secrets.token_hex(16)
    log_file = home / "server.log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
        "--ServerApp.terminals_enabled=False",
        *(["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []),
    ]
    with log_file.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=root)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, token, process, log_file)
        yield Server(address, token, root)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(
    address: str, token: str, process: subprocess.Popen[bytes], log_file: Path
) -> None:
    request = urllib.request.Request(
        f"{address}/api/status", headers={"Authorization": f"token {token}"}
    )
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(request, timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start:\n{log_file.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = (shutil.which(each) for each in ("chromium", "chromium-browser", "google-chrome"))
    executable = next((each for each in found if each), None)
    if executable is None and os.environ.get("CI"):
        pytest.fail("no chromium on this machine, and a CI must not skip the browser tests")
    if executable is None:
        pytest.skip("no chromium on this machine: install it to test the forms in a browser")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def end_kernels(server: Server) -> Callable[[], None]:
    """End every kernel of the server."""
    return lambda: stop_kernels(server)


@pytest.fixture
def open_notebook(
    chromium: Any, server: Server, record_property: Callable[[str, object], None]
) -> Iterator[Callable[[str], Lab]]:
    """Open a notebook of the server's folder, by its name, with an idle kernel."""
    contexts = []

    def open_it(name: str) -> Lab:
        from playwright.sync_api import TimeoutError as TooLate

        for attempt in range(1, MOST_TRIES + 1):
            context = chromium.new_context(viewport={"width": 1280, "height": 1100})
            contexts.append(context)
            lab = Lab(context.new_page())
            try:
                _open(lab, server, name)
            except TooLate:
                # a kernel may lose the race for its ports on a busy machine; said, never hidden
                log.warning("%s was not ready at attempt %d of %d", name, attempt, MOST_TRIES)
                record_property("attempts", attempt + 1)
                if attempt == MOST_TRIES:
                    raise
            else:
                return lab
        raise AssertionError

    yield open_it
    for each in contexts:
        each.close()
    stop_kernels(server)


def _open(lab: Lab, server: Server, name: str) -> None:
    page, problems = lab.page, lab.problems
    page.on("console", lambda message: _note(message, problems))
    page.on(
        "response",
        lambda answer: (
            problems.append(f"{answer.status} {answer.url.partition('?')[0]}")
            if answer.status >= 400
            else None
        ),
    )
    page.goto(f"{server.address}/lab/tree/{name}?token={server.token}&reset")
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=PATIENCE)
    cell = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell"
    page.wait_for_selector(cell, timeout=PATIENCE)
    page.wait_for_function(_IDLE, timeout=PATIENCE)


def _note(message: Any, problems: list[str]) -> None:
    # that terminals are switched off is what was asked for
    if message.type == "error" and "terminal" not in message.text.lower():
        problems.append(f"console: {message.text[:200]}")


def stop_kernels(server: Server) -> None:
    """Kernels outlive their pages; each holds memory until it is asked to end."""
    headers = {"Authorization": f"token {server.token}"}
    url = f"{server.address}/api/sessions"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        sessions = json.load(answer)
    for each in sessions:
        request = urllib.request.Request(f"{url}/{each['id']}", headers=headers, method="DELETE")
        urllib.request.urlopen(request).close()
