"""``alp paper`` as a person starts it, with folders of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from waits import until

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 120.0
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {name: tried}
spec:
  pool: {chain: ethereum, base: WETH, quote: USDC, feeTier: 500}
  inventory: {base: "1", quote: "2500"}
  venues:
  - name: perp
    exchange: binance-usdm
    symbol: ETHUSDC
    order: {maxBase: "2"}
  limits: {maxNetBase: "20", maxVenueBase: "15", maxOrderNotional: "20000", maxDataAge: 3s}
  execution: {quoteAge: 30s, stopWithin: 20s}
"""


class Paper:
    """The process, and what is known of it."""

    def __init__(self, folder: Path, text: str = MANIFEST) -> None:
        self.folder = folder
        self.manifest = folder / "strategy.yaml"
        self.manifest.write_text(text)
        self.runtime = folder / "r"
        self.runtime.mkdir(mode=0o700)
        self.state = folder / "s"
        self.log = folder / "log"
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.environment["XDG_RUNTIME_DIR"] = str(self.runtime)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, command: str = "paper") -> None:
        with self.log.open("ab") as log, (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                self._command(command, str(self.manifest), "--state", str(self.state), *options),
                env=self.environment,
                cwd=ROOT,
                stdout=out,
                stderr=log,
            )

    def alp(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command to its end beside it."""
        return subprocess.run(
            self._command(*arguments),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=SOON_S,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "alp", *arguments]

    @property
    def text(self) -> str:
        return self.log.read_text()[-6000:] if self.log.exists() else ""

    @property
    def note(self) -> dict[str, Any] | None:
        """What the system left for those who look for it."""
        for path in self.runtime.glob("alp-*/tried*/system.json"):
            try:
                found: dict[str, Any] = json.loads(path.read_text())
            except (OSError, ValueError):
                return None
            return found
        return None

    def page(self, path: str) -> tuple[int, Any]:
        note = self.note
        return (0, None) if note is None else get(note["page"] + path)

    async def ready(self) -> dict[str, dict[str, Any]]:
        """Wait until everything is ready; return the parts by name."""
        assert self.process is not None

        def it_is() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.text
            return self.page("/readyz")[0] == 200

        try:
            await until(it_is, SOON_S)
        except AssertionError as error:
            raise AssertionError(f"{self.page('/readyz')}\n{self.text}") from error
        return self.parts()

    def parts(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.page("/parts")[1]["parts"]}

    def interrupt(self) -> int:
        """Do what Ctrl-C does, and return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SOON_S)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def get(url: str) -> tuple[int, Any]:
    """Return status and content of a page; 0 where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except (OSError, ValueError):
        return 0, None
