#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""page.py: the live page in Chromium: what it shows, how it is used with the keyboard, what it may do.

With PICTURES=DIR in the environment it leaves serve.png and others there; docs/figures/serve.png is made so.
"""
import json
import os
import pathlib
import threading

from serving import BUILT, Browser, CAPTURE, Server, TOOL, WORK, command, finish, it, pin_dir, same, skip, tool

PICTURES = pathlib.Path(os.environ.get("PICTURES", WORK))


def maps_make():
    """Typed maps from a capture, one that is full, one that evicts."""
    tool("run", BUILT / "flows/flows.bpf.o", "pcap", CAPTURE, "pin", "web")
    tool("run", BUILT / "conntrack.bpf.o", "pcap", CAPTURE, "pin", "nat")
    tool("create", "dns", "type", "lru_hash", "key", "8", "value", "64", "entries", "64", "name", "dns_cache")
    tool("create", "blocked", "type", "hash", "key", "4", "value", "8", "entries", "20", "name", "blocked")
    for i in range(20):
        tool("update", "blocked", "key", "hex", f"{i:02x}", 0, 0, 0, "value", *[i] * 8)
    command(TOOL, "update", "blocked", "key", "99", 0, 0, 0, "value", *[0] * 8)


class Traffic(threading.Thread):
    """Updates that go up and down, so that there is something to see."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ends = threading.Event()

    def run(self):
        lines = WORK / "lines.jsonl"
        for step in range(600):
            count = 6 + (step * 7) % 23 + (20 if step % 40 < 15 else 0)
            lines.write_text("".join(f'{{"key":{(step * 31 + i) % 300},"value":{[i % 256] * 64}}}\n' for i in range(count)))
            command(TOOL, "load", "dns", lines)
            if self.ends.wait(0.15):
                return


def names(browser):
    return browser.run("[...document.querySelectorAll('#rows .name')].map((n) => n.textContent)")


def table_cases(browser):
    it("the table fills", browser.wait("document.querySelectorAll('#rows tr').length >= 6"))
    shown = names(browser)
    it("every map of user space has a row", {"flows", "connections", "dns_cache", "blocked"} <= set(shown), shown)
    bar = "[...document.querySelectorAll('#rows tr')].find((r) => r.querySelector('.name').textContent == 'blocked').querySelector('.bar i')"
    browser.wait(f"{bar}.style.width == '100%'")
    same("the bar of a full map is full", browser.run(f"{bar}.style.width + ' ' + {bar}.className"), "100% full")
    line = "[...document.querySelectorAll('#rows tr')].find((r) => r.querySelector('.name').textContent == 'dns_cache').querySelector('path.line')"
    it("the rate of a map that is written to is drawn",
       browser.wait(f"({line}.getAttribute('d') || '').split('L').length > 3"))
    browser.run("document.querySelector('[data-world=user]').click()")
    it("only maps of user space are left", browser.wait(
        "[...document.querySelectorAll('#rows .world')].every((w) => w.textContent == 'user')"))
    browser.run("document.querySelector('th[data-id=fill] button').click()")
    same("sorted by how full they are", browser.run(
        "document.querySelector('th[data-id=fill]').getAttribute('aria-sort')"), "descending")


def keyboard_cases(browser):
    browser.run("document.activeElement.blur()")
    browser.key("/", "/")
    same("slash goes to the filter", browser.run("document.activeElement.id"), "filter")
    for letter in "flow":
        browser.key(letter, letter)
    same("the filter filters", names(browser), ["flows"])
    browser.key("ArrowDown")
    browser.key("Enter")
    it("Enter opens a map", browser.wait("!document.querySelector('#detail').hidden"))
    it("its elements are shown", browser.wait("document.querySelectorAll('#element-rows tr').length == 50"))


def element_cases(browser):
    heads = browser.run("[...document.querySelectorAll('#element-columns th')].map((h) => h.textContent)")
    it("columns are the members of key and value by BTF",
       {"source_port", "destination_port", "packets", "bytes"} <= set(heads) or {"packets", "bytes"} <= set(heads), heads)
    first = browser.run("document.querySelector('#element-rows').textContent")
    browser.run("document.querySelector('#next').click()")
    it("the next page is another one", browser.wait(
        f"document.querySelector('#where').textContent == 'page 2' && document.querySelectorAll('#element-rows tr').length == 50"))
    it("no row of it was on the first", browser.run("document.querySelector('#element-rows').textContent") != first)
    browser.run("document.querySelector('#back').click()")
    it("and back", browser.wait("document.querySelector('#where').textContent == 'page 1'"))
    browser.run("const f = document.querySelector('#find'); f.value = 'nonsense'; f.dispatchEvent(new Event('change'))")
    it("a key that cannot be read gives a sentence", browser.wait("document.querySelector('#message').textContent.includes('key')"))
    browser.run("document.querySelector('#find').value = ''; document.querySelector('#find').dispatchEvent(new Event('change'))")
    it("and the sentence goes away", browser.wait("document.querySelector('#message').textContent == ''"))
    same("nothing can be edited on a read-only server", browser.run("document.querySelectorAll('#element-rows button').length"), 0)


def pictures_take(browser):
    browser.run("document.querySelector('#filter').value = ''; document.querySelector('#filter').dispatchEvent(new Event('input'))")
    browser.wait("Number(document.documentElement.dataset.polls) > 8")
    browser.run("document.activeElement.blur()")
    it("a picture: light and wide", browser.picture(PICTURES / "serve.png") > 20000)
    browser.look(1440, 780, "dark")
    it("dark follows the system", browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 27)")
    browser.picture(PICTURES / "serve-dark.png")
    browser.look(400, 760, "light")
    it("on a narrow screen nothing is wider than it", browser.run("document.documentElement.scrollWidth <= 400"),
       browser.run("document.documentElement.scrollWidth"))
    browser.picture(PICTURES / "serve-narrow-map.png")
    browser.key("Escape")
    it("Escape closes the map", browser.run("document.querySelector('#detail').hidden"))
    it("and the table of maps fits, too", browser.run("(m => m.scrollWidth <= m.clientWidth)(document.querySelector('#maps'))"))
    browser.picture(PICTURES / "serve-narrow.png")
    browser.look(1440, 780, "light")


def rights_cases(browser, server):
    same("nothing was asked of another host",
         {url for url in browser.hosts() if not url.startswith((server.base, "data:", "about:"))}, set())
    same("no error in the console but the refused key", [c for c in browser.complaints() if "400" not in str(c)], [])
    blocked = browser.run("new Promise((done) => { addEventListener('securitypolicyviolation', (e) => done(e.violatedDirective)); "
                          "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.bad = 1'})); })")
    it("the policy stops scripts that are not the page's", "script-src" in blocked, blocked)
    same("and they did not run", browser.run("window.bad === undefined"), True)


def edit_cases(browser):
    server = Server("write")
    number = next(m["id"] for m in server.json("/api/maps")["maps"] if m["name"] == "blocked")
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=f"{server.url}&map=user/{number}")
    button = "document.querySelector('#element-rows button')"
    it("with the token elements can be edited", browser.wait(f"!!{button}"))
    before = browser.run("document.querySelector('#element-rows tr').textContent")
    browser.run(f"{button}.click()")
    browser.run("document.querySelector('#edit-value').value = '[1,2,3]'; document.querySelector('#edit-save').click()")
    it("a value that does not fit gives a sentence", browser.wait("document.querySelector('#edit-error').textContent.length > 10"))
    browser.run("document.querySelector('#edit-value').value = '[7,7,7,7,7,7,7,8]'; document.querySelector('#edit-save').click()")
    it("a value that fits is shown", browser.wait(
        "!document.querySelector('#edit').open && document.querySelector('#element-rows').textContent.includes('07 07 07 07 07 07 07 08')"), before)
    it("and is in the map", [7] * 7 + [8] in [e["value"] for e in json.loads(tool("-j", "dump", "blocked"))])
    server.stop()


def main():
    if not Browser.PROGRAM:
        skip("the live page in Chromium", "chromium is not installed")
        finish()
    maps_make()
    server, browser, traffic = Server(), Browser(), Traffic()
    traffic.start()
    browser.look(1440, 780)
    browser.call("Page.navigate", url=server.base)
    table_cases(browser)
    keyboard_cases(browser)
    element_cases(browser)
    pictures_take(browser)
    rights_cases(browser, server)
    edit_cases(browser)
    traffic.ends.set()
    traffic.join()
    browser.stop()
    same("the server ended cleanly", server.stop(), (0, ""))
    finish()


main()
