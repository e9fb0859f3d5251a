"""A headless Chromium, spoken to through two pipes: no driver and no library beside it.

    with Chromium() as browser:
        page = browser.open("http://127.0.0.1:9400/", width=360)
        page.evaluate("document.title")

The DevTools protocol is JSON, a NUL after each message; Chromium reads it on descriptor 3 and
answers on 4 when started with --remote-debugging-pipe.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)
WITHIN_S = 60.0


def find_chromium() -> str:
    """The browser's path; fails loudly, since a page that nobody looked at is not tested."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise AssertionError("the status page's tests need Chromium: apt-get install chromium")


def _moved_up(fd: int) -> int:
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return high


class Chromium:
    """A browser process with a profile of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._rest = b""
        self.events: list[dict] = []

    def __enter__(self) -> "Chromium":
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # The shell moves the pipes to the two numbers that Chromium insists on, from above them.
        to_read, to_write = _moved_up(to_read), _moved_up(to_write)
        script = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write} {to_read}<&- {to_write}>&-'
        command = [find_chromium(), *FLAGS, f"--user-data-dir={self._folder}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, *command],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._write)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def open(self, url: str, width: int, height: int = 900, dark: bool = False) -> "Page":
        """A page of this size, loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 500 else 1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call("Page.navigate", url=url)
        return page

    def call(self, method: str, session: str | None = None, **params: object) -> dict:
        """One call, and its result; what happens meanwhile is kept in `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + WITHIN_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self, deadline: float) -> dict:
        while b"\0" not in self._rest:
            left_s = deadline - time.monotonic()
            assert left_s > 0 and select.select([self._read], [], [], left_s)[0], "no answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "Chromium has ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


class Page:
    """One open page."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: object) -> dict:
        """One call about this page."""
        return self._browser.call(method, self._session, **params)

    def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression: str, within_s: float = 30.0) -> object:
        """The first true value of the expression; what fails on a page half loaded counts as no."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if value := self.evaluate(f"(() => {{ try {{ return {expression} }} catch {{}} }})()"):
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {within_s} s: {expression}")

    def complaints(self) -> list[dict]:
        """Errors and warnings of the console, uncaught exceptions, and requests that failed."""
        self.evaluate("0")
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            params = event["params"]
            match event["method"]:
                case "Runtime.exceptionThrown" | "Network.loadingFailed":
                    found.append(params)
                case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                    found.append(params)
                case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                    found.append(params)
        return found

    def addresses(self) -> set[str]:
        """Every URL that the page asked for."""
        return {
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event.get("sessionId") == self._session
            and event["method"] == "Network.requestWillBeSent"
        }

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
