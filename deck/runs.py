"""The runs behind the deck: main.py as a user calls it, and what it answers as JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MAIN = [sys.executable, str(ROOT / "main.py")]
# The first rows of silver's last table (versions 0 and 1 make it and its checks): gold comes next.
HALF_WAY = Path("silver/loan_daily/_delta_log/00000000000000000002.json")
_KILL_WITHIN_SECONDS = 300


class Runs:
    """main.py on one datamart; `commands` are those it was given, without a path of this machine."""

    def __init__(self, datamart: Path) -> None:
        self.datamart = datamart
        self.commands: list[str] = []

    def ask(self, *words: str, data: Path | None = None, code: int = 0) -> Any:
        """The JSON answer of a command; an error if it ends with another exit code."""
        print(f"main.py {' '.join(words)}", file=sys.stderr)
        self.commands.append(" ".join(_shown(word) for word in words))
        done = subprocess.run(
            self._argv(*words, data=data), capture_output=True, text=True, check=False
        )
        if done.returncode != code:
            sys.exit(f"main.py {words[0]} ended with {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout else None

    def kill_half_way(self, data: Path) -> None:
        """Start a full build and kill it (SIGKILL) while gold is computed."""
        print("main.py run, to be killed", file=sys.stderr)
        process = subprocess.Popen(
            self._argv("run", data=data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + _KILL_WITHIN_SECONDS
        while not (self.datamart / HALF_WAY).exists():
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                sys.exit("the build to be killed ended, or did not get to gold")
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def versions(self) -> dict[str, int]:
        """The version of every table now."""
        return {row["table"]: row["version"] for row in self.ask("status")}

    def _argv(self, *words: str, data: Path | None) -> list[str]:
        where = ["--datamart", str(self.datamart), *(["--data", str(data)] if data else [])]
        return [*MAIN, *words, *where, "--json"]


def _shown(word: str) -> str:
    return Path(word).name if "/" in word else word
