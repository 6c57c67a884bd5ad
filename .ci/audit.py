"""Ask pip-audit for known vulnerabilities of what is locked; 1 if promises.md does not explain one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.txt"
UV = Path(sys.executable).with_name("uv")
ASK = [UV, "tool", "run", "--quiet", "--from", "pip-audit==2.10.1", "pip-audit"]
OPTIONS = ["--disable-pip", "--require-hashes", "-r", LOCK, "--format", "json"]
EXPLAINED: frozenset[str] = frozenset()


def verdict(told: dict[str, Any], explained: frozenset[str] = EXPLAINED) -> tuple[int, str]:
    """The exit code and what to print; packages that the service does not know count as not asked."""
    asked = [each for each in told["dependencies"] if "vulns" in each]
    if not asked:
        return (
            0,
            "pip-audit: no service that knows vulnerabilities is to be had here, nothing is checked",
        )
    found = [
        f"{each['name']} {each['version']}: {vulnerability['id']}"
        for each in asked
        for vulnerability in each["vulns"]
        if vulnerability["id"] not in explained
    ]
    return int(bool(found)), "\n".join(
        [f"pip-audit: {len(asked)} packages, {len(found)} unexplained vulnerabilities", *found]
    )


def main() -> int:
    """Ask, and print what is found."""
    done = subprocess.run([*ASK, *OPTIONS], capture_output=True, text=True)
    code, message = verdict(json.loads(done.stdout or '{"dependencies": []}'))
    print(message)
    return code


if __name__ == "__main__":
    sys.exit(main())
