#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""ask.py: what "bpfmap serve" answers to whom: the JSON interface, foreign pages, bad requests, many clients, slow
ones; and that it ends when it is told to.
"""
import concurrent.futures
import json
import os
import pathlib
import random
import resource
import socket
import time

from serving import BUILT, CAPTURE, Server, TOOL, command, finish, it, little, same, skip, tool, wait_for

BODY_MAX = 64 << 10


def raw(server, data, seconds=10, half_close=True):
    """What comes back for some bytes, and whether the server closed the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as client:
        try:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            found = b""
            while piece := client.recv(65536):
                found += piece
        except (ConnectionResetError, BrokenPipeError):
            return b"", True
        except TimeoutError:
            return found, False
    return found, True


def maps_make():
    tool("run", BUILT / "conntrack.bpf.o", "pcap", CAPTURE, "pin", "nat")
    tool("create", "numbers", "type", "hash", "key", 4, "value", 8, "entries", 300, "name", "numbers")
    lines = "".join(f'{{"key":{i},"value":{i * i}}}\n' for i in range(250))
    command(TOOL, "load", "numbers", "-", stdin=lines)
    tool("create", "seen", "type", "bloom_filter", "key", 0, "value", 4, "entries", 9, "name", "seen")
    tool("create", "large", "type", "array", "key", 4, "value", 300000, "entries", 5, "name", "large")
    tool("create", "words", "type", "hash", "key", 32, "value", 32, "entries", 9, "flags", "variable", "name", "words")
    for word in ("a", "bc", "def"):
        tool("update", "words", "key", word, "value", word.upper())


def id_of(server, name):
    return next(m["id"] for m in server.json("/api/maps")["maps"] if m["name"] == name and m["world"] == "user")


def json_cases(server):
    maps = {m["name"]: m for m in server.json("/api/maps")["maps"] if m["world"] == "user"}
    same("all maps are listed", set(maps), {"connections", "counters", "large", "numbers", "seen", "words"})
    same("with their figures", [maps["numbers"][k] for k in ("type", "entries", "max_entries", "updates", "bytes_key")],
         ["hash", 250, 300, 250, 4])
    same("a Bloom filter's entries are not known", maps["seen"]["entries"], None)
    number = maps["numbers"]["id"]
    seen, after = [], None
    for _ in range(10):
        page = server.json(f"/api/map/{number}?limit=60" + (f"&after={after}" if after else ""))
        seen += [int.from_bytes(bytes(e["key"]), "little") for e in page["elements"]]
        after = page.get("next")
        if not after:
            break
    same("pages show every element once", (sorted(seen), len(seen)), (list(range(250)), 250))
    large, after = [], ""
    for _ in range(5):
        page = server.json(f"/api/map/{maps['large']['id']}{after}")
        large.append([e["key"] for e in page["elements"]])
        after = f"?after={page['next']}" if "next" in page else None
        if not after:
            break
    same("a page of large values has few of them", large, [[[i, 0, 0, 0] for i in part] for part in ((0, 1, 2), (3, 4))])
    found = server.json(f"/api/map/{number}?key=15")["elements"]
    same("a key is found by its number", found, [{"key": [15, 0, 0, 0], "value": list((225).to_bytes(8, "little"))}])
    same("and by its bytes", server.json(f"/api/map/{number}?key=0f000000")["elements"], found)
    same("one that is not there", server.json(f"/api/map/{number}?key=4000")["elements"], [])
    typed = server.json(f"/api/map/{maps['connections']['id']}?limit=1")
    it("elements have types", isinstance(typed["elements"][0]["key"], dict), typed)
    same("the types are named", typed["map"]["key_type"].split()[0], "struct")
    words = server.json(f"/api/map/{maps['words']['id']}?limit=2")
    rest = server.json(f"/api/map/{maps['words']['id']}?limit=2&after={words['next']}")
    same("keys of any length are shown", sorted(e["key"] + e["value"] for e in words["elements"] + rest["elements"]),
         ["aA", "bcBC", "defDEF"])
    it("a Bloom filter has nothing to browse", "elements" not in server.json(f"/api/map/{maps['seen']['id']}"))
    places = server.json(f"/api/map/{number}?places=1")["map"]
    it("pins are named", places["pinned"] and places["pinned"][0].endswith("/numbers"), places)


def refusal_cases(server):
    number = id_of(server, "numbers")
    for path, status in (("/nothing", 404), ("/api/map/", 400), ("/api/map/x", 400), ("/api/map/-1", 400),
                         ("/api/map/4294967296", 400), ("/api/map/999999", 404), (f"/api/map/{number}?world=mars", 400),
                         (f"/api/map/{number}?after=zz", 400), (f"/api/map/{number}?limit=99999", 400),
                         (f"/api/map/{number}?key=1e", 400), ("/../../etc/passwd", 404)):
        same(f"{path} is {status}", server.ask(path)[0], status)
    same("a sentence says what was wrong", server.json(f"/api/map/{number}?key=1e")["error"],
         "the key has 4 bytes without a type: 8 hexadecimal digits, or a number")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"):
        same(f"{method} / is 405", server.ask("/", method)[0], 405)
    same("HEAD has no body", server.ask("/", "HEAD")[::2], (200, ""))
    for host, status in (("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:80", 200), ("192.0.2.7", 200),
                         ("evil.example", 421), ("evil.example:80", 421), ("127.0.0.1.evil.example", 421), ("", 421),
                         ("localhost.evil.example", 421), ("x" * 3000, 421)):
        same(f"Host '{host[:30]}' is {status}", server.ask("/api/maps", Host=host)[0], status)
    same("no Host, no answer", raw(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", half_close=False)[0][9:12], b"421")
    same("nor in HTTP/1.0", raw(server, b"GET /api/maps HTTP/1.0\r\n\r\n")[0][9:12], b"421")
    status, headers, _ = server.ask("/")
    it("the page comes with a policy", status == 200 and "default-src 'none'" in headers["Content-Security-Policy"])
    it("other origins get no permission", "Access-Control-Allow-Origin" not in headers)
    page = server.ask("/")[2]
    it("the page names no other host", "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page)


def write_cases(reader):
    writer = Server("write")
    number = id_of(writer, "numbers")
    path, change = f"/api/map/{number}", '{"key":[3,0,0,0],"value":[1,1,1,1,1,1,1,1]}'
    same("a read-only server changes nothing", reader.ask(path, "POST", change, X_Bpfmap_Token=writer.token)[0], 403)
    same("without the token nothing is changed", writer.ask(path, "POST", change)[0], 403)
    same("nor with a wrong one", writer.ask(path, "POST", change, X_Bpfmap_Token="0" * 32)[0], 403)
    it("the element is as it was", json.loads(tool("-j", "lookup", "numbers", "key", 3, 0, 0, 0))["value"][0] == 9)
    same("with the token it is", writer.ask(path, "POST", change, X_Bpfmap_Token=writer.token)[0], 200)
    same("changed", json.loads(tool("-j", "lookup", "numbers", "key", 3, 0, 0, 0))["value"], [1] * 8)
    same("a key that is not there is not inserted", writer.ask(path, "POST", change.replace("3", "255"), X_Bpfmap_Token=writer.token)[0], 404)
    for body in ("", "{}", "[]", "null", '{"key":1', '{"key":[3,0,0,0],"value":[1]}', '{"key":[3,0,0,0],"value":"x"}', "\0", "{" * 5000):
        same(f"the body {body[:30]!r} is 400", writer.ask(path, "POST", body, X_Bpfmap_Token=writer.token)[0], 400)
    same("a body that is too large is 413", writer.ask(path, "POST", " " * (BODY_MAX + 1), X_Bpfmap_Token=writer.token)[0], 413)
    other = Server("write")
    it("every start has a token of its own", other.token != writer.token and len(other.token) == 32)
    other.stop()
    same("the writer ends cleanly", writer.stop(), (0, ""))


def spoilt_requests(server, rounds):
    """Requests with bytes changed, cut, doubled: answers or nothing, and a server that goes on."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"# SEED={seed}")
    dice = random.Random(seed)
    number = id_of(server, "numbers")
    seeds = [f"GET /api/map/{number}?after=00000000&limit=5&key=7&world=user HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
             b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
             b"POST /api/map/1 HTTP/1.1\r\nHost: localhost\r\nX-Bpfmap-Token: 00\r\nContent-Length: 20\r\n\r\n{\"key\":1,\"value\":2}\r\n",
             b"GET /%2e%2e/%00%ff?%zz=%&&==&key HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n"]
    requests = [spoilt(dice, seeds) for _ in range(rounds)]
    # Many of them leave the server waiting for more: clients that go away, not all at once.
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda data: raw(server, data, 1, half_close=False)[0], requests))
    it(f"{rounds} spoilt requests: what comes back is HTTP", all(not f or f.startswith(b"HTTP/1.") for f in found),
       [f[:60] for f in found if f and not f.startswith(b"HTTP/1.")])
    it("some were understood all the same", any(b" 200 " in f[:20] for f in found))
    it("and the server still answers", wait_for(lambda: answers(server)))


def spoilt(dice, seeds):
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(data) + 1)
        change = dice.randrange(4)
        if change == 0:
            data[at : at + 1] = bytes([dice.randrange(256)])
        elif change == 1:
            del data[at : at + dice.randrange(1, 20)]
        elif change == 2:
            data[at:at] = data[: dice.randrange(60)]
        else:
            data[at:at] = bytes([dice.choice(b"\r\n\0 /?&=%:")]) * dice.randrange(1, 200)
    return bytes(data)


def limit_cases(server):
    found, _ = raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n", half_close=False)
    it("a header that is too large is refused", found[9:12] in (b"431", b"413", b"400", b""), found[:80])
    slow = []
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        slow.append(client)
    began = time.monotonic()
    same("twenty clients that say half a word keep nobody waiting", server.ask("/api/maps")[0], 200)
    it("not for a second", time.monotonic() - began < 5, time.monotonic() - began)
    crowd = [socket.socket() for _ in range(200)]
    for client in crowd:
        client.settimeout(5)
        try:
            client.connect(("127.0.0.1", server.port))
        except OSError:
            pass
    for client in crowd:
        client.close()
    it("after two hundred connections at once it answers", wait_for(lambda: answers(server)))
    slow[0].settimeout(60)
    began = time.monotonic()
    drips_until_closed(slow[0])
    it("a client that drips a byte a second is cut off within 45 seconds", 5 < time.monotonic() - began < 45,
       time.monotonic() - began)
    for client in slow:
        client.close()


def answers(server):
    try:
        return server.ask("/api/maps")[0] == 200
    except OSError:
        return False


def drips_until_closed(client):
    client.settimeout(1)
    for _ in range(60):
        try:
            client.sendall(b"x")
            if client.recv(100) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return


def crowd_cases(server):
    paths = ["/metrics", "/api/maps", f"/api/map/{id_of(server, 'numbers')}", "/"] * 50
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda path: server.ask(path)[0], paths))
    same("sixteen clients with two hundred requests are all answered", found, [200] * len(paths))


def churn_cases(server):
    """Maps that come and go while they are listed."""
    for i in range(15):
        tool("create", f"gone{i}", "type", "hash", "key", 4, "value", 4, "entries", 4, "name", "gone")
        server.ask("/metrics")
        (pathlib.Path(os.environ["BPFMAP_DIR"]) / f"gone{i}").unlink()
        found = [m for m in server.json("/api/maps")["maps"] if m["name"] == "gone"]
        if found:
            break
    same("maps that are gone are not listed", found, [])


def memory_cases():
    """An answer that there is no memory for. (Instrumented builds cannot be limited so.)"""
    tool("create", "huge", "type", "array", "key", 4, "value", 10_000_000, "entries", 1, "name", "huge")
    server = Server()
    number = id_of(server, "huge")
    pages = int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
    mapped = pages * os.sysconf("SC_PAGE_SIZE")
    if mapped > 1 << 32:
        skip("an answer that there is no memory for", "an instrumented build")
    else:
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (mapped + 62_000_000,) * 2)
        same("an answer that there is no memory for", server.ask(f"/api/map/{number}")[::2],
             (500, "no memory for the answer\n"))
        same("and the server goes on", server.ask("/api/maps")[0], 200)
    same("and ends", server.stop(), (0, ""))
    os.unlink(os.path.join(os.environ["BPFMAP_DIR"], "huge"))


def start_cases(server):
    for words, code, text in ((["port", "x"], 2, "port"), (["port", "65536"], 2, "port"), (["nonsense"], 2, "Expected port"),
                              (["address", "example.org"], 5, "address"), (["config", "/nowhere.yaml"], 1, "nowhere.yaml"),
                              (["port", server.port], 5, "cannot listen")):
        status, out, err = command(TOOL, "serve", *words)
        it(f"serve {' '.join(map(str, words))}: exit {code} with a sentence", (status, out) == (code, "") and text in err, status, out, err)
    try:
        six = Server("address", "::1")
        same("on ::1 it answers, too", six.ask("/api/maps", Host=f"[::1]:{six.port}")[0], 200)
        same("and ends cleanly", six.stop(), (0, ""))
    except RuntimeError as error:
        skip("on ::1 it answers, too", str(error))


def main():
    maps_make()
    server = Server()
    json_cases(server)
    refusal_cases(server)
    write_cases(server)
    start_cases(server)
    crowd_cases(server)
    churn_cases(server)
    spoilt_requests(server, 3000 if os.environ.get("BPFMAP_LONG") else 300)
    limit_cases(server)
    memory_cases()
    same("SIGTERM ends it cleanly", server.stop(), (0, ""))
    finish()


main()
