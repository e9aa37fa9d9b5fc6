#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""completion.py BUILD: what bash and zsh offer behind the beginnings of commands, with live maps.

bash: the function is called as readline calls it, and once for each kind a key is pressed in a terminal (tmux).
zsh: keys are pressed in a terminal, and what its completion system is given is written down.
"""
import atexit
import os
import pathlib
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import lib
import deftables

BUILD = pathlib.Path(sys.argv[1]).resolve()
TOOL = BUILD / "src/cli/bpfmap"
SHM = os.environ.get("BPFMAP_DIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
WORK = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-tab."))
MAPS = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-tab.", dir=SHM))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
atexit.register(shutil.rmtree, MAPS, ignore_errors=True)
OBJECTS = pathlib.Path(tempfile.mkdtemp(prefix="bpfmap-tab."))
atexit.register(shutil.rmtree, OBJECTS, ignore_errors=True)
OBJECT = OBJECTS / "load.bpf.o"  # a name without blanks
COMPLETION = shlex.quote(str(BUILD / "completion/bpfmap"))
WAIT_S = 60
ENVIRONMENT = {**os.environ, "PATH": f"{TOOL.parent}:{os.environ['PATH']}", "BPFMAP_DIR": str(MAPS), "HOME": str(WORK),
               "TERM": "xterm", "LC_ALL": "C.UTF-8"}

IN_BASH = """
. {completion}
while IFS=' ' read -r -a COMP_WORDS; do
	[ "${{COMP_WORDS[-1]}}" = _ ] && COMP_WORDS[-1]=
	COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMPREPLY=()
	_bpfmap bpfmap "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
	printf '%s ' "${{COMPREPLY[@]}}"
	echo
done
"""

IN_ZSH = """
unsetopt zle_bracketed_paste prompt_cr
fpath=({folder} $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' menu no
LISTMAX=100000
compadd() {{
	local -a hits
	builtin compadd -O hits "$@"
	print -rn -- "$hits " >>{out}.hits
	builtin compadd "$@"
}}
tell() {{
	: >{out}.hits
	zle complete-word
	print -r -- "$BUFFER" >{out}.buffer
	touch {out}.done
	zle kill-whole-line
}}
zle -N tell
bindkey '^T' tell
touch {out}.done
"""

# Beginning -> what is offered, all of it; "_" at the end: an empty word.
OFFERS = {
    "bpfmap re": "restore resize repair",
    "bpfmap resize name _": "flows seen",
    "bpfmap -j resize id _": "1 2 3",
    "bpfmap resize pinned _": "flows seen web/flows",
    "bpfmap resize fl": "flows",
    "bpfmap dump pinned /sys/fs/bpf/fl": "/sys/fs/bpf/flows",
    "bpfmap dump /sys/fs/bpf/we": "/sys/fs/bpf/web/flows",
    "bpfmap dump user pinned /sys/fs/bpf/we": "/sys/fs/bpf/web/flows",
    "bpfmap dump kernel pinned /sys/fs/bpf/we": "",
    "bpfmap resize flows _": "entries",
    "bpfmap resize flows entries 10 _": "yes",
    "bpfmap resize id 1 ent": "entries",
    "bpfmap update flows _": "key",
    "bpfmap update flows key 1 0 0 0 _": "value",
    "bpfmap update flows key 1 0 0 0 value 1 0 _": "any exist noexist",
    "bpfmap upd flows key 1 0 0 0 va": "value",
    "bpfmap enqueue na": "name",
    "bpfmap create x _": "type",
    "bpfmap create x type lru": "lru_hash lru_percpu_hash",
    "bpfmap create x key 4 _": "value",
    "bpfmap create x type hash key 4 value 8 entries 9 _": "name flags hashes",
    "bpfmap create x type hash key 4 value 8 entries 9 flags zero_seed _": "name hashes",
    "bpfmap dump flows where value gt 5 so": "sort",
    "bpfmap dump flows where value gt 5 w": "where",
    "bpfmap dump flows sort value desc s": "",
    "bpfmap dump flows where value _": "eq ne lt le gt ge",
    "bpfmap dump flows percpu m": "min max",
    "bpfmap dump flows sort _": "key value",
    "bpfmap top user once l": "limit",
    "bpfmap top sort ev": "evictions",
    "bpfmap help siz": "size",
    "bpfmap restore x.snap in": "into",
    "bpfmap advise r": "rules",
    "bpfmap run x.bpf.o _": "prog pcap interface",
    "bpfmap run x.bpf.o pcap x.pcap rep": "repeat",
    "bpfmap run x.bpf.o interface lo engine _": "user kernel",
    "bpfmap run x.bpf.o interface _": " ".join(os.listdir("/sys/class/net")),
    f"bpfmap run {OBJECT} prog _": "all count_load",
    f"bpfmap compile {OBJECT} -o x.so prog _": "count_load",
    "bpfmap run nosuch.bpf.o prog _": "all",
    "bpfmap compile x.bpf.o -": "-o",
    "bpfmap nosuchverb _": "",
}
FLAGS = {"bpfmap create x type hash key 4 value 8 entries 9 flags rdonly,ze": "rdonly,zero_seed"}


def sets(text):
    return sorted(set(text.split()))


def maps_make():
    OBJECT.symlink_to(BUILD / "examples/load.bpf.o")
    for words in ("flows type hash key 4 value 8 entries 10", "seen type bloom_filter value 4 entries 10",
                  "web/flows type array key 4 value 4 entries 2 name flows"):
        subprocess.run([TOOL, "create", *words.split()], env=ENVIRONMENT, check=True)


def check_bash():
    script = IN_BASH.format(completion=COMPLETION)
    wanted = {**OFFERS, **FLAGS}
    wanted[f"bpfmap load flows {WORK}/mo"] = f"{WORK}/more.txt"
    wanted[f"bpfmap run {WORK}/"] = f"{WORK}/prog.bpf.o {WORK}/folder"
    wanted["bpfmap run ~/"] = "~/prog.bpf.o ~/folder"
    wanted["bpfmap dump ~/mo"] = "~/more.txt"
    wanted["bpfmap dump ./mo"] = "./more.txt"
    wanted["bpfmap dump mo"] = ""
    wanted["bpfmap create ~/fo"] = "~/folder"
    wanted["bpfmap run x.bpf.o interface lo pin ~/"] = "~/folder"
    wanted["bpfmap test x.bpf.o ~/"] = "~/serve.yaml ~/folder"
    wanted["bpfmap test x.bpf.o junit ~/mo"] = "~/more.txt"
    wanted[f"bpfmap serve config {WORK}/"] = f"{WORK}/serve.yaml {WORK}/folder"
    # In the runtime directory, also as it is called in the kernel.
    wanted["bpfmap create we"] = "web/"
    wanted["bpfmap create /sys/fs/bpf/we"] = "/sys/fs/bpf/web/"
    wanted["bpfmap gc below /sys/fs/bpf/we"] = "/sys/fs/bpf/web/"
    wanted["bpfmap create kernel we"] = ""
    wanted["bpfmap list > ./mo"] = "./more.txt"
    run = subprocess.run(["bash", "--norc", "-c", script], input="".join(f"{line}\n" for line in wanted), text=True,
                         capture_output=True, env=ENVIRONMENT, timeout=WAIT_S, cwd=WORK)
    for (line, offers), found in zip(wanted.items(), run.stdout.splitlines() + [""] * len(wanted)):
        lib.same(f"bash: {line.replace(str(WORK), 'DIR')}", sets(found), sets(offers))
    lib.same("bash has nothing to complain about", run.stderr, "")


# ---- keys in a terminal ----


def until(condition):
    """What the condition gives as soon as it is true; None after a while."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    return None


class Tmux:
    def __init__(self):
        self.socket = f"bpfmap-tab-{os.getpid()}"
        # Words of their own: one word would be given to the user's shell, and nobody's is nologin.
        self.do("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "bash", "--norc", "--noprofile")
        self.press("PS1=rea'dy> '", "Enter")
        until(lambda: "ready>" in self.screen())

    def do(self, *words):
        return subprocess.run(["tmux", "-L", self.socket, *words], env=ENVIRONMENT, capture_output=True, text=True).stdout

    def screen(self):
        return self.do("capture-pane", "-p")

    def press(self, *keys):
        self.do("send-keys", *keys)

    def shows(self, text):
        return until(lambda: text in self.screen()) is not None


def check_terminal():
    subprocess.run([TOOL, "pin", "seen", "a blank"], env=ENVIRONMENT, check=True)
    tmux = Tmux()
    tmux.press(f". {COMPLETION}", "Enter")
    for typed, shown in (("bpfmap resiz", "bpfmap resize "), ("bpfmap show name se", "bpfmap show name seen "),
                         ("bpfmap show web/", "bpfmap show web/flows "),
                         ("bpfmap show a\\ b", "bpfmap show a\\ blank "), ("bpfmap show 'a b", "bpfmap show 'a blank' "),
                         ("bpfmap show /sys/fs/bpf/w", "bpfmap show /sys/fs/bpf/web/flows ")):
        tmux.press("C-u", typed, "Tab", "x")
        lib.it(f"bash, in a terminal: {typed} and Tab", tmux.shows(f"{shown}x"), tmux.screen())
    tmux.press("C-u", "bpfmap show name ", "Tab", "Tab")
    lib.it("bash, in a terminal: Tab twice lists the maps that there are", until(
        lambda: re.search(r"^flows +seen", tmux.screen(), re.MULTILINE)), tmux.screen())
    tmux.do("kill-server")
    os.unlink(MAPS / "a blank")


class Zsh:
    def __init__(self):
        self.out = WORK / "zsh"
        (WORK / "setup").write_text(IN_ZSH.format(folder=shlex.quote(str(BUILD / "completion")), out=self.out))
        child, self.terminal = pty.fork()
        if not child:
            os.execvpe("zsh", ["zsh", "-f", "-i"], ENVIRONMENT)
        self.child = child
        self.type(f". {WORK}/setup\n")
        self.done()

    def type(self, text):
        os.write(self.terminal, text.encode())

    def done(self):
        os.set_blocking(self.terminal, False)

        def is_done():
            try:
                os.read(self.terminal, 65536)
            except BlockingIOError:
                pass
            return self.out.with_suffix(".done").exists()

        found = until(is_done)
        self.out.with_suffix(".done").unlink(missing_ok=True)
        return found

    def complete(self, line):
        """(what was offered, the line that came of it)"""
        self.type(line.removesuffix("_") + "\x14")
        if not self.done():
            return "", "nothing came"
        return self.out.with_suffix(".hits").read_text(), self.out.with_suffix(".buffer").read_text()

    def close(self):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)


def check_zsh():
    zsh = Zsh()
    for line, offers in OFFERS.items():
        found, _ = zsh.complete(line)
        lib.same(f"zsh: {line}", sets(found), sets(offers))
    # What is written down on the way confuses zsh's own functions about what it may insert.
    zsh.type("unfunction compadd\n")
    for line, expected in (("bpfmap resiz", "bpfmap resize "), ("bpfmap show name se", "bpfmap show name seen "),
                           (f"bpfmap load flows {WORK}/mo", f"bpfmap load flows {WORK}/more.txt "),
                           (f"bpfmap run {WORK}/p", f"bpfmap run {WORK}/prog.bpf.o "),
                           ("bpfmap dump ~/mo", "bpfmap dump ~/more.txt "),
                           ("bpfmap dump pinned /sys/fs/bpf/web/f", "bpfmap dump pinned /sys/fs/bpf/web/flows "),
                           ("bpfmap test x.bpf.o ~/s", "bpfmap test x.bpf.o ~/serve.yaml "),
                           ("bpfmap create we", "bpfmap create web/"),
                           ("bpfmap create /sys/fs/bpf/we", "bpfmap create /sys/fs/bpf/web/"),
                           ("bpfmap create ~/fo", "bpfmap create ~/folder/"),
                           ("bpfmap gc below /sys/fs/bpf/we", "bpfmap gc below /sys/fs/bpf/web/"),
                           ("bpfmap create x type hash flags rdonly,ze", "bpfmap create x type hash flags rdonly,zero_seed")):
        lib.same(f"zsh makes of {line.replace(str(WORK), 'DIR')}", zsh.complete(line)[1].rstrip("\n"), expected)
    zsh.close()


def check_kernel():
    """Names of the live kernel's maps, where they may be seen."""
    made = subprocess.run([TOOL, "create", "kernel", f"tab_{os.getpid()}", *"type hash key 4 value 4 entries 4".split()],
                          env=ENVIRONMENT, capture_output=True, text=True)
    if made.returncode:
        lib.skip("the kernel's maps", made.stderr.strip())
        return
    name = f"tab_{os.getpid()}"
    wanted = {f"bpfmap show kernel name {name}": name, f"bpfmap show kernel pinned {name}": name,
              f"bpfmap show kernel pinned /sys/fs/bpf/{name}": f"/sys/fs/bpf/{name}",
              f"bpfmap show /sys/fs/bpf/{name}": f"/sys/fs/bpf/{name}"}
    run = subprocess.run(["bash", "--norc", "-c", IN_BASH.format(completion=COMPLETION)],
                         input="".join(f"{line}\n" for line in wanted), text=True, capture_output=True, env=ENVIRONMENT,
                         timeout=WAIT_S)
    os.unlink(f"/sys/fs/bpf/{name}")
    for (line, offers), found in zip(wanted.items(), run.stdout.splitlines() + [""] * len(wanted)):
        lib.same(f"bash, the live kernel's: {line.replace(name, 'NAME')}", sets(found), [offers])



for name in ("more.txt", "prog.bpf.o", "serve.yaml"):
    (WORK / name).touch()
(WORK / "folder").mkdir()
maps_make()
lib.it("every verb is offered", sets(subprocess.run(
    ["bash", "-c", IN_BASH.format(completion=COMPLETION)], input="bpfmap _\n", text=True,
    capture_output=True, env=ENVIRONMENT).stdout) == sorted([*deftables.verbs(), *deftables.aliases()]))
check_bash()
for shell, check in (("tmux", check_terminal), ("zsh", check_zsh)):
    if shutil.which(shell):
        check()
    else:
        lib.skip(f"completion in {shell}", f"{shell} is not installed")
check_kernel()
lib.finish()
