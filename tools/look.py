"""Looks at every kind of page that the simulator writes, in a browser without a network.

    look.py OUT          writes the pages, and a picture of each at 1280 and 390 pixels, into OUT
    look.py OUT PAGE…    looks at pages that are there

Status 1 where a page's script fails, it asks for anything outside of itself, draws no plot, or is
wider than the screen. Without Chromium nothing is looked at, and a line says so.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ROOT / "simulation" / "scenarios"
WIDTHS = (1280, 390)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As root, and without a word to anybody outside of this machine.
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_QUICK = ("--set", "epochs=8", "--set", "replicas=3")

# Elements that reach beyond the screen, but for what scrolls by itself and what is cut off there.
_TOO_WIDE = """
(() => {
  const width = innerWidth, found = [];
  for (const one of document.body.querySelectorAll("*")) {
    if (one.closest(".scroll, pre, svg")) continue;
    if (one.getBoundingClientRect().right <= width + 1) continue;
    found.push(one.tagName.toLowerCase() + " " + one.textContent.trim().slice(0, 60));
  }
  for (const one of document.querySelectorAll(".js-plotly-plot text")) {
    const box = one.getBoundingClientRect();
    const plot = one.closest(".js-plotly-plot").getBoundingClientRect();
    if (box.right <= plot.right + 1 && box.left >= plot.left - 1) continue;
    found.push("cut off: " + one.textContent);
  }
  if (document.documentElement.scrollWidth > width) found.push("the page itself");
  return found.slice(0, 5);
})()
"""
_PLOTS = "document.querySelectorAll('.js-plotly-plot .main-svg').length"
_HEIGHT = "document.documentElement.scrollHeight"


@dataclass(slots=True)
class Browser:
    """A running Chromium, spoken to through a pair of pipes."""

    to: int
    of: int
    _ids: int = 0
    _read: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)
    session: str = ""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command; what happens before it is kept as events."""
        self._ids += 1
        asked = {"id": self._ids, "method": method, "params": params}
        if self.session:
            asked["sessionId"] = self.session
        os.write(self.to, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._ids:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return told["result"]
            self.events.append(told)

    def wait(self, event: str) -> None:
        """Until something has happened since the last page was opened."""
        while not any(told.get("method") == event for told in self.events):
            self.events.append(self._next())

    def value(self, script: str) -> Any:
        """What a script of the page returns."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"][
            "value"
        ]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            more = os.read(self.of, 1 << 20)
            if not more:
                raise RuntimeError("the browser is gone")
            self._read += more
        told, _, self._read = self._read.partition(b"\0")
        return json.loads(told)

    def tab(self) -> Self:
        """Open a page to work in."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        of_it = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = of_it["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        return self


def browser() -> str | None:
    """The path of a Chromium, if there is one."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def started(program: str) -> Iterator[Browser]:
    """A browser with a profile of its own, which ends with the block."""
    (theirs_in, to), (of, theirs_out) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # A browser reads commands from its third file, and answers on its fourth.
        shell = 'exec "$@" 3<&"$0" 4>&"$OUT"'
        process = subprocess.Popen(
            ["bash", "-c", shell, str(theirs_in), program, *_OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out),
            env=os.environ | {"OUT": str(theirs_out)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Browser(to, of).tab()
        finally:
            os.close(to)
            os.close(of)
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def look(at: Browser, page: Path, width: int, picture: Path) -> list[str]:
    """What is wrong with a page on a screen of some width; its picture is written."""
    at.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 760,
    )
    at.events.clear()
    at.ask("Page.navigate", url=page.resolve().as_uri())
    at.wait("Page.loadEventFired")
    # Two frames later what the load has asked for is drawn.
    twice = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    at.ask("Runtime.evaluate", expression=twice, awaitPromise=True)
    wrong = [f"wider than the screen: {one}" for one in at.value(_TOO_WIDE)]
    if not at.value(_PLOTS):
        wrong.append("no plot is drawn")
    wrong += [words for event in at.events if (words := _wrong(event, page))]
    size = {"x": 0, "y": 0, "width": width, "height": at.value(_HEIGHT), "scale": 1}
    shot = at.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=size)
    picture.write_bytes(base64.b64decode(shot["data"]))
    return wrong


def _wrong(event: dict[str, Any], page: Path) -> str:
    """What an event says against a page, or nothing."""
    told = event.get("params", {})
    match event.get("method"):
        case "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            return f"script error: {details.get('exception', details).get('description', details)}"
        case "Runtime.consoleAPICalled" if told["type"] in ("error", "assert"):
            return f"console: {told['args'][:1]}"
        case "Log.entryAdded" if told["entry"]["level"] == "error":
            return f"log: {told['entry']['text']}"
        case "Network.requestWillBeSent":
            url = told["request"]["url"]
            ours = url.startswith(("data:", "blob:")) or url == page.resolve().as_uri()
            return "" if ours else f"asks for {url}"
        case _:
            return ""


def pages(out: Path) -> list[Path]:
    """One page of each kind, of small scenarios, as the command line writes them."""

    def sim(name: str, *arguments: str | Path) -> Path:
        page = out / f"{name}.html"
        command = [ROOT / ".venv" / "bin" / "sim", *arguments, "-o", page]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return page

    def ran(name: str, *arguments: str | Path) -> Path:
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        sim_ = ROOT / ".venv" / "bin" / "sim"
        subprocess.run([sim_, *arguments, "-o", folder], check=True, stdout=subprocess.DEVNULL)
        return sim(name, "report", folder)

    bonus, cartel = SCENARIOS / "coverage_bonus.toml", SCENARIOS / "overclaimers.toml"
    by_rule = "slot_rule=by_weight,per_host_half,fixed_share"
    return [
        ran("report", "run", bonus, *_QUICK),
        ran("sweep", "sweep", bonus, "--grid", "reward.coverage_bonus=0:0.3:5", *_QUICK),
        ran("rules", "sweep", SCENARIOS / "serving_rule.toml", "--grid", by_rule, *_QUICK),
        sim("compare", "compare", SCENARIOS / "base.toml", SCENARIOS / "no_bonus.toml", *_QUICK),
        sim("attack", "attack", cartel, "--behaviour", "seed_grinder", *_QUICK),
    ]


def main(out: Path, *given: Path) -> int:
    """Look at the pages given, or one of each kind; returns the status."""
    program = browser()
    if program is None:
        sys.stderr.write(
            f"no browser to look with ({', '.join(BROWSERS)}): nothing was looked at\n"
        )
        return 0
    out.mkdir(parents=True, exist_ok=True)
    failed = False
    with started(program) as at:
        for page in given or pages(out):
            for width in WIDTHS:
                picture = out / f"{page.stem}-{width}.png"
                wrong = look(at, page, width, picture)
                failed |= bool(wrong)
                sys.stdout.write(f"{picture}: {'; '.join(wrong) or 'as it should be'}\n")
                sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
