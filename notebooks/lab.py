"""Start JupyterLab on this project, and print the one link that opens it.

python notebooks/lab.py [--check | OPTION OF JUPYTERLAB ...]

LAKEHOUSE_PORT is its port (8888) and LAKEHOUSE_TOKEN its token (a new one each time). --check asks
whether a JupyterLab answers there, which is how a container is known to be well.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import tempfile
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn

PROJECT = Path(__file__).resolve().parent.parent
_START = "markdownviewer-widget:notebooks/README.md"
# The first view: the start page, and beside it the folder of the project.
_WORKSPACE = {
    "metadata": {"id": "default"},
    "data": {
        "layout-restorer:data": {
            "main": {"dock": {"type": "tab-area", "currentIndex": 0, "widgets": [_START]}},
            "left": {
                "collapsed": False,
                "visible": True,
                "current": "filebrowser",
                "widgets": ["filebrowser", "running-sessions", "@jupyterlab/toc:plugin"],
            },
            "relativeSizes": [0.2, 0.8, 0],
        },
        _START: {"data": {"path": "notebooks/README.md", "factory": "Markdown Preview"}},
    },
}
# Nothing that asks the internet: no news, no extensions, no build of JupyterLab itself.
_PAGE = {
    "disabledExtensions": {
        "@jupyterlab/apputils-extension:announcements": True,
        "@jupyterlab/extensionmanager-extension:plugin": True,
    },
    "buildAvailable": False,
    "buildCheck": False,
}


def main(argv: list[str]) -> None:
    """Start JupyterLab and stay; or ask whether one answers."""
    port = _port(os.environ.get("LAKEHOUSE_PORT") or "8888")
    if "--check" in argv:
        _check(port)
        return
    address = os.environ.get("LAKEHOUSE_ADDRESS") or "127.0.0.1"
    _refuse_taken(address, port)
    _note_foreign_folder()
    with tempfile.TemporaryDirectory(prefix="lakehouse-lab-") as settings:
        _serve(address, port, Path(settings), argv)


def _serve(address: str, port: int, settings: Path, argv: list[str]) -> None:
    token = os.environ.get("LAKEHOUSE_TOKEN") or secrets.token_hex(24)
    # By the environment, for a command line can be read by all of the machine.
    os.environ["JUPYTER_TOKEN"] = token
    _prepend("JUPYTER_CONFIG_PATH", str(settings))
    # Every notebook and terminal imports this checkout, and nothing is installed for it.
    _prepend("PYTHONPATH", str(PROJECT))
    _write(settings / "labconfig" / "page_config.json", _PAGE)
    _write(settings / "workspaces" / "default-37a8.jupyterlab-workspace", _WORKSPACE)
    options = [
        f"--ServerApp.root_dir={PROJECT}",
        f"--ServerApp.ip={address}",
        f"--ServerApp.port={port}",
        "--ServerApp.open_browser=False",
        f"--ServerApp.allow_root={_is_root()}",
        f"--LabApp.workspaces_dir={settings / 'workspaces'}",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
    ]
    from jupyterlab.labapp import LabApp

    server = LabApp.initialize_server(argv=[*options, *argv])
    link = f"\nJupyterLab: http://127.0.0.1:{port}/lab?token={token}\n"
    # It listens by now; the first turn of its loop answers.
    server.io_loop.add_callback(print, link, flush=True)
    server.start()


def _port(told: str) -> int:
    if not told.isdigit() or not 0 < int(told) < 65536:
        _refuse(f"LAKEHOUSE_PORT is {told!r}; give a number from 1 to 65535")
    return int(told)


def _refuse_taken(address: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            _refuse(
                f"port {port} cannot be had ({error.strerror}): stop what listens there, or set "
                "LAKEHOUSE_PORT to another"
            )


def _note_foreign_folder() -> None:
    """Say how to start a container whose user may not write to the folder that is mounted there."""
    if not os.access(PROJECT, os.W_OK):
        owner = PROJECT.stat()
        print(
            f"note: this folder belongs to user {owner.st_uid}, and JupyterLab runs as user {os.getuid()}, "
            "who can read but not save here; with Docker, start it by: "
            f"LAKEHOUSE_UID={owner.st_uid} LAKEHOUSE_GID={owner.st_gid} docker-compose up",
            flush=True,
        )


def _check(port: int) -> None:
    # Not by urllib, which would ask a proxy of the environment for it.
    asked = HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        asked.request("GET", "/api")
        status = asked.getresponse().status
    except (OSError, HTTPException) as error:
        _refuse(f"no JupyterLab answers on port {port} ({error})")
    if status != HTTPStatus.OK:
        _refuse(f"what answers on port {port} is no JupyterLab (status {status})")


def _refuse(message: str) -> NoReturn:
    sys.exit(f"error: {message}")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _prepend(variable: str, path: str) -> None:
    os.environ[variable] = os.pathsep.join(filter(None, [path, os.environ.get(variable)]))


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
