"""JupyterLab for one person on a host that many share."""

from __future__ import annotations

import getpass
import importlib.util
import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from hepnb.errors import MissingExtra, OutputNotWritable, UnknownStage, UnreadableFile
from hepnb.stages import find

__all__ = ("Lab", "prepare")

_HOST = "127.0.0.1"
_PORTS = range(8888, 8988)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Lab:
    """How to start JupyterLab, and how to reach it.

    Attributes
    ----------
    command
        Arguments of the process.
    environment
        Its environment. The token stands here, since everybody on the host sees arguments.
    address
        What to open in the browser.
    forwarding
        The line that makes the address reachable from one's own computer.
    """

    command: tuple[str, ...]
    environment: dict[str, str]
    address: str
    forwarding: str


def prepare(
    notebook: str | None = None, *, port: int | None = None, browser: bool | None = None
) -> Lab:
    """Choose port and token, and bring the notebook here.

    Parameters
    ----------
    notebook
        A file, or a stage: its notebook is copied into the current folder, unless a file of that
        name is there already. None opens the current folder.
    port
        By default the first free one from 8888 on.
    browser
        Whether JupyterLab opens a browser; by default where there is a screen.

    Returns
    -------
    Lab
        The server listens on the loopback interface only, and asks for the token.

    Raises
    ------
    MissingExtra
        JupyterLab is not installed.
    UnknownStage, UnreadableFile, OutputNotWritable
        The notebook cannot be opened or copied; no port is free.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        message = "JupyterLab is not installed; pip install 'hepnb[lab]'"
        raise MissingExtra(message)
    root, opened = _place(notebook)
    chosen = _free_port() if port is None else port
    token = secrets.token_hex(24)
    if browser is None:
        browser = "SSH_CONNECTION" not in os.environ and "DISPLAY" in os.environ
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.ip={_HOST}",
        f"--ServerApp.port={chosen}",
        "--ServerApp.port_retries=0",  # another port would not be the one that is forwarded
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.open_browser={browser}",
    ]
    if opened:
        command.append(f"--LabApp.default_url=/lab/tree/{opened}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    page = f"tree/{opened}" if opened else ""
    return Lab(
        tuple(command),
        {**os.environ, "JUPYTER_TOKEN": token},
        f"http://localhost:{chosen}/lab/{page}?token={token}",
        f"ssh -L {chosen}:{_HOST}:{chosen} {getpass.getuser()}@{socket.gethostname()}",
    )


def _place(notebook: str | None) -> tuple[Path, str]:
    """Folder that the server shows, and the notebook's path in it."""
    here = Path.cwd().resolve()
    if notebook is None:
        return here, ""
    path = Path(notebook)
    if path.suffix != ".ipynb" and not path.exists():
        path = _working_copy(notebook)
    if not path.is_file():
        message = f"{notebook} is no notebook; give a file or the name of a stage"
        raise UnreadableFile(message)
    path = path.resolve()
    root = here if path.is_relative_to(here) else path.parent
    return root, path.relative_to(root).as_posix()


def _working_copy(stage: str) -> Path:
    try:
        source = find(stage).notebook_path()
    except UnknownStage as error:
        message = f"{error}; or give a file that ends in .ipynb"
        raise UnknownStage(message) from None
    target = Path(source.name)
    if not target.exists():
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            message = f"{target.absolute()} cannot be written: {error.strerror}; go elsewhere"
            raise OutputNotWritable(message) from error
    return target


def _free_port() -> int:
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return port
    message = f"no port between {_PORTS[0]} and {_PORTS[-1]} is free; give one with --port"
    raise OutputNotWritable(message)
