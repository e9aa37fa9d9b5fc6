#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""scrape.py: /metrics in both formats, checked by promtool, by Prometheus' own client library and by a
Prometheus that scrapes it; the configuration of docs/serve.yaml, and configurations that are wrong.
"""
import json
import os
import random
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

from serving import BUILT, CAPTURE, ROOT, Server, TOOL, WORK, command, finish, it, little, same, skip, tool, wait_for

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
AGES = ("_age_seconds", "_collect_seconds", "_changed_timestamp_seconds")


def hash_make(name, key_size, entries):
    """A hash of 64-bit numbers."""
    tool("create", name, "type", "hash", "key", key_size, "value", 8, "entries", 64, "name", name[:15])
    for key, value in entries:
        tool("update", name, "key", *(["hex"] + [f"{b:02x}" for b in key]), "value", *little(value, 8))


def maps_make():
    tool("run", BUILT / "flows/flows.bpf.o", "pcap", CAPTURE, "pin", "web")
    answer = lambda ip, kind, process: bytes(ip) + kind.to_bytes(2, "little") + b"\0\0" + process.ljust(16, b"\0")
    hash_make("answers_total", 24, [
        (answer((10, 0, 0, 1), 1, b"dns"), 7), (answer((10, 0, 0, 1), 2, b"dns"), 3),
        (answer((10, 0, 0, 2), 9, b'dns"\\\n\xff'), 1), (answer((10, 0, 0, 1), 1, b"other"), 100),
        (answer((192, 0, 2, 5), 1, b"proxy"), 2**60 + 1)])
    hash_make("asked_names", 8, [(b"\3a\0b\2cd\0", 6)])
    hash_make("no_buckets", 4, [(b"nan\0", 1)])
    hash_make("open_files", 4, [((1000).to_bytes(4, "little"), 17), ((0).to_bytes(4, "little"), 99)])
    two = lambda a, b: a.to_bytes(4, "little") + b.to_bytes(4, "little")
    hash_make("answer_seconds", 8, [(two(1, 0), 5), (two(1, 3), 2), (two(1, 12), 1), (two(1, 13), 4000), (two(2, 5), 1)])
    tool("create", "small", "type", "lru_hash", "key", 4, "value", 4, "entries", 2, "name", "small")
    for i in range(5):
        tool("update", "small", "key", i, 0, 0, 0, "value", 0, 0, 0, 0)
    command(TOOL, "update", "small", "key", 4, 0, 0, 0, "value", 0, 0, 0, 0, "noexist")
    code, _, _ = command(TOOL, "create", "small2", "type", "hash", "key", 4, "value", 4, "entries", 1, "name", 'odd.name')
    assert code == 0


def samples_of(text):
    """sample with its labels -> value, as they stand in the text."""
    return {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in text.splitlines() if line and line[0] != "#"}


def value_of(samples, start, *parts):
    """The only sample that begins so and has these labels."""
    found = [v for k, v in samples.items() if k.startswith(start + "{") and all(p in k for p in parts)]
    return found[0] if len(found) == 1 else found


def map_cases(samples):
    small = ("bpfmap_map_", 'name="small"', 'world="user"')
    for figure, expected in (("entries", "2"), ("max_entries", "2"), ("updates_total", "5"), ("evictions_total", "3"),
                             ("deletes_total", "0"), ("high_water_entries", "2")):
        same(f"{figure} of a map", value_of(samples, small[0] + figure, *small[1:], 'type="lru_hash"'), expected)
    same("failures by errno", value_of(samples, "bpfmap_map_failed_updates_total", *small[1:], 'errno="EEXIST"'), "1")
    it("memory", int(value_of(samples, "bpfmap_map_memory_bytes", *small[1:])) >= 4096)
    it("when it was made", 1.7e9 < float(value_of(samples, "bpfmap_map_created_timestamp_seconds", *small[1:])) < 4e9)


def config_cases(samples):
    prefix = "ebpf_exporter_answers_total"
    same("a label through inet_ip, static_map and regexp",
         value_of(samples, prefix, 'server="10.0.0.1"', 'kind="found"', 'process="dns"'), "7")
    same("what static_map does not know", value_of(samples, prefix, 'kind="unknown:9"'), "1")
    it("quotes, backslashes, line ends and other bytes are escaped",
       any('process="dns\\"\\\\\\n\xff"' in key for key in samples), [k for k in samples if prefix in k])
    same("numbers beyond 2^53 are exact", value_of(samples, prefix, 'process="proxy"'), str(2**60 + 1))
    same("what no regexp fits is left out", value_of(samples, prefix, 'process="other"'), [])
    same("a gauge", value_of(samples, "ebpf_exporter_open_files", 'uid="1000"'), "17")
    flows = json.loads(tool("-j", "dump", "web/flows"))
    total = sum(int(v) for k, v in samples.items() if k.startswith("ebpf_exporter_flow_bytes_total{"))
    same("labels from BTF: all flows' bytes", total, sum(e["value"]["bytes"] for e in flows))
    it("each member of the key is a label", any('src_port="' in k and 'vlan="' in k for k in samples))
    bucket = "ebpf_exporter_answer_seconds_bucket"
    for le, count in (("1e-06", 5), ("2e-06", 5), ("8e-06", 7), ("0.004096", 8), ("+Inf", 8)):
        same(f"the bucket up to {le}", value_of(samples, bucket, 'operation="read"', f'le="{le}"'), str(count))
    same("the histogram's count", value_of(samples, "ebpf_exporter_answer_seconds_count", 'operation="read"'), "8")
    same("its sum stands behind the last bucket", value_of(samples, "ebpf_exporter_answer_seconds_sum", 'operation="read"'), "0.004")
    for name in ("flow_bytes_total", "answers_total", "open_files", "answer_seconds"):
        same(f"{name} says that it was collected", value_of(samples, "bpfmap_exporter_metric_collected", f'metric="{name}"'), "1")


def format_cases(server):
    status, headers, text = server.ask("/metrics")
    same("without a wish the older format", (status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
    status, headers, modern = server.ask("/metrics", Accept=OPENMETRICS + ",text/plain;q=0.5")
    same("OpenMetrics where it is wanted", (status, headers["Content-Type"]), (200, OPENMETRICS))
    it("which ends in its mark", modern.endswith("\n# EOF\n") and "# EOF" not in text)
    steady = lambda t: {k: v for k, v in samples_of(t).items() if 'world="kernel"' not in k and not k.split("{")[0].endswith(AGES)}
    same("both formats say the same", steady(text), steady(modern))
    if shutil.which("promtool"):
        run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        same("promtool finds nothing wrong", (run.returncode, run.stdout + run.stderr), (0, ""))
    else:
        skip("promtool finds nothing wrong", "promtool is not installed")
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        # The tests may run with another Python than Debian's.
        run = subprocess.run(["/usr/bin/python3", "-c", PARSE], input=modern, capture_output=True, text=True, timeout=60)
        if "ModuleNotFoundError" in run.stderr or "No such file" in run.stderr:
            skip("the client library reads the OpenMetrics", "python3-prometheus-client is not installed")
        else:
            same("the client library reads the OpenMetrics", (run.returncode, run.stderr), (0, ""))
    else:
        it("the client library reads the OpenMetrics", len(list(text_string_to_metric_families(modern))) > 10)
    return samples_of(text)


PARSE = """import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
assert len(list(text_string_to_metric_families(sys.stdin.read()))) > 10"""


# ---- a real Prometheus ----


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prometheus_start(server):
    config, port = WORK / "prometheus.yml", free_port()
    config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: bpfmap\n  static_configs:\n"
                      f"  - targets: ['127.0.0.1:{server.port}']\n")
    process = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={WORK}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "HOME": str(WORK)})
    return process, port


def query(port, text):
    try:
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except OSError:
        return []


def target_of(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets", timeout=10) as answer:
            return json.load(answer)["data"]["activeTargets"][0]
    except (OSError, IndexError):
        return {}


def prometheus_cases(server):
    if not shutil.which("prometheus"):
        skip("a Prometheus scrapes it", "prometheus is not installed")
        return
    process, port = prometheus_start(server)
    try:
        up = wait_for(lambda: target_of(port).get("health") == "up")
        it("a Prometheus scrapes it without complaint", up, target_of(port).get("lastError"))
        entries = wait_for(lambda: query(port, 'bpfmap_map_entries{name="small",world="user"}'))
        same("a query for a map's entries", [r["value"][1] for r in entries or []], ["2"])
        for i in range(3):
            tool("update", "open_files", "key", *little(1000, 4), "value", *little(20 + i, 8))
        it("what changes is seen", wait_for(lambda: [r["value"][1] for r in query(port, 'ebpf_exporter_open_files{uid="1000"}')] == ["22"]))
        share = query(port, 'bpfmap_map_entries{name="small"} / bpfmap_map_max_entries')
        same("an expression over two metrics: how full", [r["value"][1] for r in share], ["1"])
        quantile = query(port, 'histogram_quantile(0.5, ebpf_exporter_answer_seconds_bucket{operation="read"})')
        it("a quantile of a histogram", len(quantile) == 1 and 0 < float(quantile[0]["value"][1]) <= 1e-6, quantile)
    finally:
        process.kill()
        process.communicate()


# ---- configurations ----


def wrong_configs():
    """(sentence's part, YAML)"""
    counter = "metrics: {counters: [{name: a, %s}]}"
    label = "labels: [{name: x, size: 4, decoders: [{name: %s}]}]"
    return (
        ("not YAML", "a: [1, 2"), ("empty", ""), ("Expected metrics", "nonsense: 1"), ("'key: value'", "- 1"),
        ("a list is expected", "metrics: {counters: 5}"), ("needs a name", "metrics: {counters: [{help: x}]}"),
        ("a name consists", "metrics: {counters: [{name: 5x}]}"), ("two metrics", "metrics: {counters: [{name: a}], gauges: [{name: a}]}"),
        ("kernel symbols", counter % (label % "ksym")), ("no decoder 'what'", counter % (label % "what")),
        ("needs name, size", counter % "labels: [{name: x}]"), ("meanings of their own", counter % "labels: [{name: le, size: 4}]"),
        ("not negative", counter % "labels: [{name: x, size: -4}]"), ("whole number", counter % "labels: [{name: x, size: 99999}]"),
        ("perf event array", counter % "perf_event_array: true"), ("true or false", counter % "perf_event_array: maybe"),
        ("not a regular expression", counter % "labels: [{name: x, size: 4, decoders: [{name: regexp, regexps: ['(']}]}]"),
        ("bucket_type is", "metrics: {histograms: [{name: a, bucket_type: log}]}"),
        ("not greater", "metrics: {histograms: [{name: a, bucket_type: exp2, bucket_min: 3, bucket_max: 3}]}"),
        ("not a number", "metrics: {histograms: [{name: a, bucket_type: exp2, bucket_max: 2000}]}"),
        ("needs bucket_keys", "metrics: {histograms: [{name: a, bucket_type: fixed}]}"),
        ("do not increase", "metrics: {histograms: [{name: a, bucket_type: fixed, bucket_keys: [1, 3, 2]}]}"),
        ("what is 'counters'", "metrics: &m {counters: [*m]}"),
    )


def wrong_config_cases():
    path = WORK / "wrong.yaml"
    for part, text in wrong_configs():
        path.write_text(text)
        code, out, err = command(TOOL, "serve", "port", 0, "config", path)
        it(f"a configuration is refused: {part}", code == 5 and not out and part in err and "wrong.yaml" in err, text, code, err)


def spoilt_config_cases():
    """The example with bytes changed: a sentence or a configuration, never a crash. The address is one that no
    server can have, so none starts."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"# SEED={seed}")
    dice, path = random.Random(seed), WORK / "spoilt.yaml"
    example = (ROOT / "docs/serve.yaml").read_bytes()
    texts = [b"[" * 50000, b"{a: " * 5000, b"a: &a [*a, *a]", b"- " * 20000, b"\xff\xfe", b"metrics: " + b"!" * 999]
    for _ in range(2000 if os.environ.get("BPFMAP_LONG") else 150):
        data = bytearray(example)
        for _ in range(dice.randrange(1, 8)):
            at, piece = dice.randrange(len(data)), dice.choice((b"", b"- ", b": ", b"\n  ", b"&a ", b"*a ", b"[", b"{", b"-9", bytes([dice.randrange(256)])))
            data[at : at + dice.randrange(12)] = piece
        texts.append(bytes(data))
    codes = {}
    for text in texts:
        path.write_bytes(text)
        code, out, err = command(TOOL, "serve", "address", "nowhere", "config", path)
        codes.setdefault((code, bool(out), err.startswith("Error: can't ")), text)
    same("spoilt configurations give sentences", list(codes), [(5, False, True)])


def unfit_config_cases():
    """Configurations that do not fit the maps that there are: said once, and all else is served."""
    path = WORK / "unfit.yaml"
    number = "decoders: [{name: uint}]"
    path.write_text(f"""programs:
- name: older format
  code: |
    nothing that is looked at
  metrics:
    counters:
    - {{name: nowhere, help: no such map}}
    - {{name: narrow, table: open_files, labels: [{{name: x, size: 2, {number}}}]}}
    - {{name: odd, table: answers_total, labels: [{{name: x, size: 24, {number}}}]}}
    - {{name: flows, help: values are structs}}
    - {{name: opened, table: open_files}}
    - {{name: asked, table: asked_names, labels: [{{name: name, size: 8, decoders: [{{name: dname}}]}}]}}
    histograms:
    - {{name: no_buckets, labels: [{{name: bucket, size: 4, decoders: [{{name: string}}]}}], bucket_min: 0, bucket_max: 9}}
    - {{name: named, table: open_files, bucket_type: fixed, bucket_keys: [0, 1000, 2000]}}
""")
    server = Server("config", path)
    for _ in range(3):
        samples = samples_of(server.ask("/metrics")[2])
    collected = {k.split('"')[1]: v for k, v in samples.items() if k.startswith("bpfmap_exporter_metric_collected")}
    same("which metrics could be collected", collected,
         {"nowhere": "0", "narrow": "0", "odd": "0", "flows": "0", "no_buckets": "0", "opened": "1", "asked": "1", "named": "1"})
    same("a zero byte in a label does not end the line", value_of(samples, "ebpf_exporter_asked", 'name="a\ufffdb.cd"'), "6")
    same("a key without BTF is one label", value_of(samples, "ebpf_exporter_opened", 'key="0"'), "99")
    code, err = server.stop()
    for part in ("no map called nowhere", "2 bytes with padding", "24 bytes, not 1, 2", "it is 'nan'", "value: value.MEMBER"):
        same(f"said once: {part}", err.count(part), 1)
    same("and it ended cleanly", code, 0)


def kernel_cases(samples, server):
    code, out, _ = command("bpftool", "-j", "map", "create", "/sys/fs/bpf/serve_test", "type", "hash", "key", "4",
                           "value", "8", "entries", "50", "name", "serve_test")
    if code:
        skip("a map of the kernel is told of", "bpf(2) is not permitted or bpffs not mounted")
        return
    try:
        for i in range(7):
            command("bpftool", "map", "update", "pinned", "/sys/fs/bpf/serve_test", "key", str(i), "0", "0", "0", "value", *["1"] * 8)
        read = lambda: value_of(samples_of(server.ask("/metrics")[2]), "bpfmap_map_entries", 'name="serve_test"', 'world="kernel"')
        it("entries of a kernel's map are counted in the background", wait_for(lambda: read() == "7"), read())
        age = value_of(samples_of(server.ask("/metrics")[2]), "bpfmap_map_entries_age_seconds", 'name="serve_test"')
        it("with their age", 0 <= float(age) < 60, age)
        maps = [m for m in server.json("/api/maps")["maps"] if m["name"] == "serve_test"]
        same("the page hears of it", [(m["world"], m["entries"], m["max_entries"]) for m in maps], [("kernel", 7, 50)])
        page = server.json(f"/api/map/{maps[0]['id']}?world=kernel&limit=100")
        same("and of its elements", len(page["elements"]), 7)
    finally:
        os.unlink("/sys/fs/bpf/serve_test")


def main():
    maps_make()
    server = Server("config", ROOT / "docs/serve.yaml")
    samples = format_cases(server)
    map_cases(samples)
    config_cases(samples)
    prometheus_cases(server)
    kernel_cases(samples, server)
    same("the server complained of nothing and ended", server.stop(), (0, ""))
    wrong_config_cases()
    spoilt_config_cases()
    unfit_config_cases()
    finish()


main()
