"""The image and its compose file: what can be said of them without a Docker engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# Where docker-compose, the first or the second, is found; and where Docker looks for its plugins.
COMPOSES = sorted(
    {
        str(found)
        for found in (
            shutil.which("docker-compose"),
            *(
                Path(folder, "docker/cli-plugins/docker-compose")
                for folder in ("/usr/local/lib", "/usr/libexec", "/usr/lib")
            ),
        )
        if found and Path(found).is_file()
    }
)


def instructions(name: str) -> list[str]:
    """The arguments of every instruction of that name, each on one line."""
    joined = re.sub(r"\\\n\s*(#.*\n)*", " ", DOCKERFILE)
    return re.findall(rf"^{name} +(.*)$", joined, flags=re.MULTILINE)


def copied() -> list[str]:
    """What of this folder comes into the image."""
    words = [line.split() for line in instructions("COPY") if "--from" not in line]
    return [name for line in words for name in line[:-1] if not name.startswith("--")]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_base_is_a_slim_python_pinned_by_its_full_version() -> None:
    (base,) = instructions("ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.1[012]\.\d+-slim-[a-z]+", base)
    bases = [line.split()[0] for line in instructions("FROM")]
    stages = {line.split()[2] for line in instructions("FROM") if " AS " in line}
    assert set(bases) - stages == {"${PYTHON_IMAGE}"}


def test_nothing_runs_as_root_and_no_secret_is_in_a_layer() -> None:
    assert instructions("USER")[-1] == "1000:1000"
    given = " ".join(instructions("ENV") + instructions("ARG")).lower()
    assert not re.search(r"token|passw|secret|key|proxy|index", given)


def test_what_changes_often_comes_last_so_that_the_layers_before_it_are_kept() -> None:
    order = [DOCKERFILE.index(f"COPY {each}") for each in ("requirements.txt", "--from=packages")]
    order += [DOCKERFILE.index(each) for each in ("data data", "notebooks notebooks")]
    assert order == sorted(order)
    assert instructions("COPY")[-1].endswith("lakehouse lakehouse")


def test_everything_that_the_image_copies_is_let_through_by_the_dockerignore() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    through = {line[1:].split("/")[0] for line in ignored if line.startswith("!")}
    assert through == set(copied())
    assert all((ROOT / name).exists() for name in copied())


def configured(compose: str, tmp_path: Path, **environment: str) -> dict[str, Any]:
    """The service as that docker-compose understands it; what it says to stderr is a failure."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    folder = tmp_path / "lakehouse"
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "docker-compose.yaml", folder)
    done = subprocess.run(
        [compose, "config"], cwd=folder, env=bare | environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(yaml.safe_load(done.stdout)["services"]["lakehouse"])


def published(service: dict[str, Any]) -> str:
    """How a service's one port is published; the second docker-compose spells it out."""
    (port,) = service["ports"]
    if isinstance(port, str):
        return port.removesuffix("/tcp")
    return f"{port['host_ip']}:{port['published']}:{port['target']}"


@pytest.fixture(params=COMPOSES or [None], ids=lambda found: found or "none")
def compose(request: pytest.FixtureRequest) -> str:
    if request.param is None:
        pytest.skip(
            "no docker-compose to read the compose file with: apt-get install docker-compose"
        )
    return str(request.param)


def test_it_is_published_on_loopback_alone_and_runs_as_a_plain_user(
    compose: str, tmp_path: Path
) -> None:
    service = configured(compose, tmp_path)
    assert published(service) == "127.0.0.1:8888:8888"
    assert service["user"] == "1000:1000"
    told = {"LAKEHOUSE_PORT": "8888", "LAKEHOUSE_TOKEN": "", "LAKEHOUSE_ENGINE": "auto"}
    told["LAKEHOUSE_TABLES"] = ""
    assert service["environment"] == told
    assert "network_mode" not in service and "privileged" not in service


def test_port_token_and_user_are_set_by_the_environment(compose: str, tmp_path: Path) -> None:
    service = configured(
        compose,
        tmp_path,
        LAKEHOUSE_PORT="9000",
        LAKEHOUSE_TOKEN="mine",
        LAKEHOUSE_UID="1234",
        LAKEHOUSE_GID="1235",
    )
    assert published(service) == "127.0.0.1:9000:9000"
    assert service["environment"]["LAKEHOUSE_PORT"] == "9000"
    assert service["environment"]["LAKEHOUSE_TOKEN"] == "mine"
    assert service["user"] == "1234:1235"


def test_the_folder_is_mounted_where_the_image_has_its_own(compose: str, tmp_path: Path) -> None:
    (volume,) = configured(compose, tmp_path)["volumes"]
    target = volume["target"] if isinstance(volume, dict) else volume.split(":")[1]
    assert [target] == instructions("WORKDIR")


def test_a_container_is_stopped_cleanly_and_known_to_be_well() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0])[0] == "tini"
    assert "--check" in instructions("HEALTHCHECK")[0]
