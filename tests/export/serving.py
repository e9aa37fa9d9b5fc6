# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""serving.py: what the tests of "bpfmap serve" share: a server, a client that asks anything, a browser.

Cases are counted by the examples' lib.py. Usage of each test: TEST.py TOOL EXAMPLES-BUILD-DIR SOURCE-ROOT
"""
import atexit
import base64
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "examples"))
from lib import CAPTURE, BUILT, ROOT, TOOL, WORK, command, finish, it, pin_dir, same, skip  # noqa: E402,F401

PATIENCE_S = 60


def wait_for(condition, seconds=PATIENCE_S):
    """The condition's first true result, None if it does not come in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    return None


def tool(*words):
    """Run a verb that has to work: its output."""
    code, out, err = command(TOOL, *words)
    if code or err:
        raise RuntimeError(f"bpfmap {' '.join(map(str, words))}: {code}: {err}")
    return out


def little(value, size):
    return ["hex"] + [f"{byte:02x}" for byte in value.to_bytes(size, "little")]


class Server:
    """"bpfmap serve" on a port of its own."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [TOOL, "-j", "serve", "port", "0", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read())
        self.url = json.loads(line)["serving"]
        self.base, _, fragment = self.url.partition("#")
        self.token = fragment.partition("token=")[2]
        self.host, _, port = self.base.removeprefix("http://").rstrip("/").rpartition(":")
        self.port = int(port)
        atexit.register(self.stop)

    def connect(self):
        return http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=PATIENCE_S)

    def ask(self, path, method="GET", body=None, **headers):
        """(status, headers, text)"""
        connection = self.connect()
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def json(self, path):
        status, _, text = self.ask(path)
        return json.loads(text) if status == 200 else {"status": status, **json.loads(text)}

    def stop(self):
        """(exit code, errors)"""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            _, err = self.process.communicate(timeout=PATIENCE_S)
        except (subprocess.TimeoutExpired, ValueError):
            self.process.kill()
            return None, "it did not end"
        return self.process.returncode, err


class Browser:
    """Chromium without a window, told what to do through a pipe (DevTools protocol)."""

    PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

    def __init__(self):
        from_us, to_us = os.pipe(), os.pipe()
        self.write_fd, self.read_fd = from_us[1], to_us[0]

        # Away from 3 and 4, where the browser looks for them.
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (from_us[0], to_us[1])]

        def wire():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        self.process = subprocess.Popen(
            [self.PROGRAM, "--headless",
             # The page is our own; the sandbox needs rights that neither root nor a container has.
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={WORK}/chromium", "--remote-debugging-pipe", "about:blank"],
            close_fds=False, preexec_fn=wire, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(WORK)})
        for fd in (from_us[0], to_us[1], *theirs):
            os.close(fd)
        atexit.register(self.stop)
        self.buffer, self.number, self.session, self.events = b"", 0, None, []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.read_fd, 1 << 20)
            if not piece:
                raise RuntimeError("the browser is gone")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") != self.number:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]

    def run(self, script):
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, script):
        return wait_for(lambda: self.run(script))

    def key(self, name, text=None):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, code=name)

    def look(self, width, height, scheme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
        return len(data)

    def complaints(self):
        """What the console and the network reported as errors."""
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"])
            if event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
        return found

    def hosts(self):
        """All addresses that were asked for."""
        return {event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"}

    def stop(self):
        self.process.kill()
        self.process.wait()
