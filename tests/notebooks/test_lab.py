"""JupyterLab as the image starts it: one link, a start page, a notebook that runs in a browser."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakehouse import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SECONDS = 120


def in_dockerfile(instruction: str) -> list[str]:
    """The words of an instruction that a container is started or checked by."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (words,) = re.findall(rf"^ *{instruction} (\[.*\])$", text, flags=re.MULTILINE)[-1:]
    return list(json.loads(words))


START, CHECK = in_dockerfile("CMD"), in_dockerfile("HEALTHCHECK.*\\\n +CMD")


def as_here(words: list[str]) -> list[str]:
    """The image's words with this environment's Python."""
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs."""

    folder: Path
    port: int
    link: str
    process: subprocess.Popen[str]

    def check(self) -> subprocess.CompletedProcess[str]:
        return ask(CHECK, self.folder, LAKEHOUSE_PORT=str(self.port))


def ask(words: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        as_here(words),
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, generated: Path) -> Path:
    """A fresh checkout with a small delivery."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("lakehouse", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(generated, folder / "data")
    shutil.copy(ROOT / "main.py", folder)
    return folder


@pytest.fixture(scope="module")
def start(checkout: Path) -> Iterator[Callable[..., Lab]]:
    """Start JupyterLab by the image's own command, on loopback; environment by keyword."""
    started: list[subprocess.Popen[str]] = []

    def run(**environment: str) -> Lab:
        port = free_port()
        process = subprocess.Popen(
            as_here(START),
            cwd=checkout,
            env=os.environ | {"LAKEHOUSE_PORT": str(port)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        return Lab(checkout, port, process.stdout.readline().strip(), process)

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def lab(start: Callable[..., Lab]) -> Lab:
    return start()


def test_the_first_thing_it_prints_is_one_link_with_a_token_on_loopback(lab: Lab) -> None:
    link = rf"JupyterLab: http://127\.0\.0\.1:{lab.port}/lab\?token=[0-9a-f]{{48}}"
    assert re.fullmatch(link, lab.link)


def test_the_health_check_passes_while_it_runs(lab: Lab) -> None:
    checked = lab.check()
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_the_health_check_asks_no_proxy(lab: Lab) -> None:
    away = "http://127.0.0.1:9"
    checked = ask(CHECK, lab.folder, LAKEHOUSE_PORT=str(lab.port), http_proxy=away, HTTP_PROXY=away)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_second_one_on_the_same_port_is_refused_in_one_line(lab: Lab) -> None:
    second = ask(START, lab.folder, LAKEHOUSE_PORT=str(lab.port))
    assert second.returncode == 1
    assert second.stderr == (
        f"error: port {lab.port} cannot be had (Address already in use): stop what listens there, "
        "or set LAKEHOUSE_PORT to another\n"
    )


@pytest.mark.parametrize("told", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused_in_one_line(checkout: Path, told: str) -> None:
    refused = ask(START, checkout, LAKEHOUSE_PORT=told)
    assert refused.returncode == 1
    assert refused.stderr == f"error: LAKEHOUSE_PORT is {told!r}; give a number from 1 to 65535\n"


def test_a_token_of_ones_own_is_taken_and_stopping_it_is_clean(start: Callable[..., Lab]) -> None:
    lab = start(LAKEHOUSE_TOKEN="my-own")
    assert lab.link.endswith("/lab?token=my-own")
    command = subprocess.run(
        ["ps", "-ww", "-p", str(lab.process.pid)], capture_output=True, text=True
    )
    assert "my-own" not in command.stdout
    lab.process.terminate()
    told, _ = lab.process.communicate(timeout=SECONDS)
    assert lab.process.returncode == 0
    assert "Traceback" not in told
    stopped = lab.check()
    assert stopped.returncode == 1
    assert stopped.stderr.startswith(f"error: no JupyterLab answers on port {lab.port}")
    assert "Traceback" not in stopped.stderr


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[Any]:
    """The link, opened in a browser that reaches nothing else."""
    if CHROMIUM is None:
        pytest.skip("no Chromium to open JupyterLab in: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    offline = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", offline]
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.set_default_timeout(SECONDS * 1000)
        opened.goto(lab.link.removeprefix("JupyterLab: "))
        yield opened
        browser.close()


def eventually(page: Any, holds: Callable[[], bool]) -> None:
    """Wait until something holds outside the browser."""
    for _ in range(SECONDS * 10):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to hold")


def code_of(notebook: Path) -> list[Any]:
    import nbformat  # here, as it takes more than a second of each process that collects tests

    cells = nbformat.read(notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_the_link_opens_the_start_page_beside_the_files(page: Any) -> None:
    page.get_by_role("heading", name="Start here").wait_for()
    for name in ("data", "lakehouse", "notebooks", "main.py"):
        page.locator(".jp-DirListing-item", has_text=name).first.wait_for()
    # Nothing asks for news, updates or a build.
    assert page.locator(".jp-toastContainer, .Toastify__toast").count() == 0
    assert page.locator(".jp-Dialog").count() == 0


def test_the_start_page_leads_to_a_notebook_that_runs_and_finds_every_table(
    page: Any, lab: Lab
) -> None:
    page.get_by_role("link", name="01_tour.ipynb").first.click()
    page.locator(".jp-Notebook").wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    notebook = lab.folder / "notebooks/01_tour.ipynb"
    # Between two cells the kernel is idle too.
    last = f"[{len(code_of(notebook))}]:"
    page.locator(".jp-Notebook .jp-InputPrompt", has_text=last).wait_for(state="attached")
    before = notebook.read_bytes()
    page.keyboard.press("Control+s")
    # It is written in place, and may be read half way.
    eventually(page, lambda: (now := notebook.read_bytes()) != before and now.endswith(b"\n}\n"))
    code = code_of(notebook)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert [each for each in outputs if each.output_type == "error"] == []
    shown = "\n".join(str(each.get("data", {}).get("text/html", "")) for each in outputs)
    assert "gold.label_store" in shown and "bronze.quarantine" in shown
    assert (lab.folder / "datamart/gold/label_store/_delta_log").is_dir()


def test_main_works_in_its_terminal(page: Any, lab: Lab) -> None:
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^File$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^New$")).hover()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Terminal$")).click()
    page.locator(".jp-Terminal .xterm-screen").click()
    python = shlex.quote(sys.executable)
    page.keyboard.type(f"{python} main.py --version > told; mv told version\n")
    eventually(page, (lab.folder / "version").is_file)
    assert (lab.folder / "version").read_text() == f"lakehouse {__version__}\n"
