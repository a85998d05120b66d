#!/usr/bin/env python3
"""Opens the page of `rulefold explain --html` in a real browser and uses it as a reader would.

usage: explain.py RULEFOLD MODEL [SCREENSHOTS]

Needs Python's standard library, chromium and chromedriver (Debian: chromium, chromium-driver). Nothing is asked of any network: a request
for anything but the page itself is a failure, and so is anything that the browser's console calls an error.
"""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1600,1000",
]


class Browser:
    """A session of chromedriver, over plain HTTP."""

    def __init__(self, profile):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program = shutil.which("chromedriver")
        assert program, "there is no chromedriver: apt-get install chromium chromium-driver"
        self.driver = subprocess.Popen([program, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.session = ""
        options = {"binary": shutil.which("chromium"), "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        for attempt in range(100):
            try:
                answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except (urllib.error.URLError, ConnectionError):
                assert attempt < 99 and self.driver.poll() is None, "chromedriver does not answer"
                time.sleep(0.1)
        self.session = f"/session/{answer['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + self.session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()[:2000]}") from None

    def close(self):
        if self.session:
            self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait(20)

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def type(self, selector, text):
        self.call("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def count(self, selector):
        return self.run("return document.querySelectorAll(arguments[0]).length", selector)

    def actions(self, kind, *steps):
        source = {"type": kind, "id": kind, "actions": list(steps)}
        if kind == "pointer":
            source["parameters"] = {"pointerType": "mouse"}
        self.call("POST", "/actions", {"actions": [source]})
        self.call("DELETE", "/actions")

    def click(self, x, y):
        self.actions("pointer", move(x, y), {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def keys(self, *keys):
        self.actions("key", *[{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")])

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def picture(self, folder, name):
        if folder:
            (folder / f"{name}.png").write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def settled(self):
        """Waits until what glides has arrived."""
        time.sleep(0.45)


def move(x, y):
    return {"type": "pointerMove", "x": round(x), "y": round(y), "origin": "viewport", "duration": 0}


def middle_of(browser, selector):
    """The middle of an element's heading on the screen."""
    box = browser.run("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]", selector)
    return box[0] + box[2] / 2, box[1] + min(box[3] / 2, 12)


def transform(browser, side):
    """Where a graph is looked at: x, y and scale."""
    return browser.run("const m = new DOMMatrix(getComputedStyle(document.querySelector(`#${arguments[0]} .view`)).transform); return [m.e, m.f, m.a]", side)


def check(browser, page, answer, folder):
    browser.call("POST", "/url", {"url": page.as_uri()})
    method = answer["methods"][0]
    made = [node for node in method["nodes"] if node["rules"] and node["originals"]]
    assert made, "the model has a node that a rule made"
    assert browser.text("#before-count").split()[0] == str(len(method["originals"]))
    assert browser.text("#after-count").split()[0] == str(len(method["nodes"]))
    assert "How the result came to be" in browser.text("#details")
    for side, nodes in (("before", method["originals"]), ("after", method["nodes"])):
        assert browser.count(f"#{side} .graph:not([hidden]) .node[data-node]") == len(nodes), side
    browser.picture(folder, "start")

    # Searching marks what holds all words, on both sides.
    browser.type("#search", "quant x")
    for side, nodes in (("before", method["originals"]), ("after", method["nodes"])):
        expected = [node for node in nodes if all(word in node["statement"].lower() for word in ("quant", "x"))]
        assert expected and browser.count(f"#{side} .hit") == len(expected), (side, len(expected))
    assert browser.text("#hits").endswith("after")
    browser.settled()
    browser.picture(folder, "search")
    browser.type("#search", "\ue007")
    assert browser.count(".chosen") == 1, "Enter goes to the first hit"
    browser.type("#search", "\ue00c")
    assert browser.count(".hit") == 0 and browser.count(".chosen") == 0, "Escape starts again"

    # A click on a node of the result shows its derivation, and where it came from on the other side.
    wanted = made[0]
    browser.run("panes.after.reveal([arguments[0]])", wanted["id"])
    browser.settled()
    browser.click(*middle_of(browser, f"#after .node[data-node='{wanted['id']}']"))
    browser.settled()
    told = browser.text("#details")
    rule = answer["rules"][wanted["rules"][-1]["rule"]]
    for part in (wanted["op"], wanted["statement"], rule["rule"], f"{rule['path']}:{rule['line']}", rule["source"].splitlines()[0]):
        assert part in told, f"{part!r} is not in {told!r}"
    shown = browser.run("return [...document.querySelectorAll('#before .related')].map((node) => Number(node.dataset.node)).sort((a, b) => a - b)")
    assert shown == sorted(wanted["originals"]), (shown, wanted["originals"])
    x, y = middle_of(browser, "#before .related")
    pane = browser.run("const b = document.querySelector('#before').getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]")
    assert pane[0] <= x <= pane[2] and pane[1] <= y <= pane[3], "what it was made of is in view"
    browser.picture(folder, "derivation")

    # A node of the model says what became of it; links lead there.
    browser.click(*middle_of(browser, "#details .links button"))
    assert "Became" in browser.text("#details") and browser.count("#before .chosen") == 1
    browser.click(*middle_of(browser, "#details .links button"))
    assert browser.count("#after .chosen") == 1

    # Dragging moves, the wheel zooms towards the pointer.
    browser.settled()
    before = transform(browser, "after")
    left, top = browser.run("const b = document.querySelector('#after').getBoundingClientRect(); return [b.left + 14, b.top + b.height - 20]")
    press, release = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
    browser.actions("pointer", move(left, top), press, move(left + 30, top - 20), move(left + 120, top - 70), release)
    after = transform(browser, "after")
    assert [round(after[i] - before[i]) for i in (0, 1)] == [120, -70], (before, after)
    assert browser.count("#after .chosen") == 1, "a drag is no click"
    wheel = {"type": "scroll", "x": round(left + 100), "y": round(top - 100), "deltaX": 0, "deltaY": -300, "duration": 0, "origin": "viewport"}
    browser.actions("wheel", wheel)
    assert transform(browser, "after")[2] > after[2] * 1.2, "the wheel zooms"

    # All of it works without a mouse.
    browser.keys("\ue00c")
    browser.run("document.querySelector('#after').focus()")
    browser.keys("\ue011")
    browser.keys("\ue015")
    browser.keys("\ue007")
    second = method["nodes"][1]
    assert browser.text("#details h3") == second["op"], browser.text("#details h3")
    assert second["statement"] in browser.text("#details")
    browser.keys("/")
    assert browser.run("return document.activeElement.id") == "search"

    # The legend shows the nodes of a rule.
    browser.click(*middle_of(browser, "#legend .chip"))
    assert browser.count("#legend .chip[aria-pressed='true']") == 1 and browser.count("#after .bright") > 0
    browser.settled()
    browser.picture(folder, "legend")

    # Light and dark by the reader's choice.
    colours = []
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": media})
        colours.append(browser.run("return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.title')).fill]"))
    assert all(light != dark for light, dark in zip(*colours)), colours
    browser.click(*middle_of(browser, "#fit"))
    browser.settled()
    browser.picture(folder, "dark")

    errors = [entry for entry in browser.log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not errors, errors
    messages = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    # What the browser shows before the page is its own (chrome:).
    others = {url for url in asked if url != page.as_uri() and not url.startswith(("data:", "chrome:"))}
    assert page.as_uri() in asked and not others, others


def main():
    program, model = sys.argv[1:3]
    folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory() as temporary:
        page = pathlib.Path(temporary) / "page.html"
        subprocess.run([program, "explain", model, "--html", page], check=True)
        told = subprocess.run([program, "explain", model, "--format", "json"], check=True, stdout=subprocess.PIPE)
        browser = Browser(pathlib.Path(temporary) / "profile")
        try:
            check(browser, page, json.loads(told.stdout), folder)
        finally:
            browser.close()
    print(f"{model}: the page works")


if __name__ == "__main__":
    main()
