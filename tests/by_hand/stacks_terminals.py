"""The rows of stacks.py that somebody types into, through a terminal or as a debugger's or a kernel's front end."""

from __future__ import annotations

from stacks import Tool

# Types into a program at a terminal of its own: each step is what to type, and what has to appear then.
TYPE = r"""
import json, os, pty, re, select, signal, sys, time
import steps
pid, terminal = pty.fork()
if not pid:
    os.execvp(sys.executable, [sys.executable, *sys.argv[1:]])
seen = ""
def read(seconds):
    global seen
    if select.select([terminal], [], [], seconds)[0]:
        try: got = os.read(terminal, 65536)
        except OSError: got = b""
        seen += re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z@`]|\x1b[()=>][B0]?|\x07|\x1b\][^\x07]*\x07", "", got.decode(errors="replace"))
        if "\x1b[6n" in got.decode(errors="replace"): os.write(terminal, b"\x1b[1;1R")
        return bool(got)
    return None
for typed, wanted in steps.STEPS:
    if typed == "wait":
        end = time.monotonic() + wanted
        while time.monotonic() < end: read(0.1)
        continue
    seen = ""
    for one in re.findall(r"(?s)\x1b\[.|.", typed) if steps.SLOWLY else [typed]:
        os.write(terminal, one.encode())
        if steps.SLOWLY: read(0.02)
    end = time.monotonic() + 15
    while not re.search(wanted, seen) and time.monotonic() < end and read(0.2) is not False: pass
    print(repr(typed), "then", wanted if re.search(wanted, seen) else f"NOT {wanted} but {seen!r}", flush=True)
    end = min(end, time.monotonic() + 2)
    if steps.PROMPT and typed != steps.STEPS[-1][0]:
        while not re.search(steps.PROMPT, seen[-40:]) and time.monotonic() < end and read(0.2) is not False: pass
end = time.monotonic() + 5
while read(0.2) is not False and time.monotonic() < end: pass
os.close(terminal)
while time.monotonic() < end + 2 and not (ended := os.waitpid(pid, os.WNOHANG))[0]: time.sleep(0.05)
if not ended[0]: os.kill(pid, signal.SIGKILL)
print("status", os.waitstatus_to_exitcode(ended[1]) if ended[0] else "hangs")
print(*(line for line in seen.splitlines() if "LazyPatch" in line or "LoopExit" in line or line.startswith("lazypatch:")))
"""
COUNTS = "import threading, time; ticks = []; threading.Thread(target=lambda: [ticks.append(time.sleep(.05)) for _ in range(2000)], daemon=True).start()"
REPL = [
    ("", ">>> "),
    (f"{COUNTS}\r", ">>> "),
    ("wait", 1.0),
    ("len(ticks) > 8\r", "True"),  # threads run while nobody types
    ("time.sleep(30) # long\r", "long"),
    ("wait", 0.5),
    ("\x03", "KeyboardInterrupt"),
    ("6 * 7\r", "42"),
    ("half a line\x03", "KeyboardInterrupt"),
    ("\x1b[A\r", "42"),  # the line before
    ("name = input('name? ')\r", r"name\? $"),
    ("joe\r", ">>> "),
    ("name.upper()\r", "'JOE'"),
    ("t = threading.Thread(target=print, args=('in', 'thread')); t.start(); t.join()\r", "in thread"),
    ("import subprocess; subprocess.run(['cat'])\r", "cat"),
    ("said to cat\r", "said to cat\r?\nsaid to cat"),
    ("\x04", ">>> "),
    ("\x04", "$"),
]
IPYTHON = [
    ("", r"In \[1\]:"),
    (f"{COUNTS}\r", r"In \[2\]:"),
    ("wait", 1.0),
    ("len(ticks) > 8\r", "True"),
    ("time.sleep(30) # long\r", "long"),
    ("wait", 0.7),
    ("\x03", "KeyboardInterrupt"),
    ("6 * 7\r", "42"),
    ("import asyncio\r", r"In \[6\]:"),
    ("await asyncio.to_thread(sum, [40, 3])\r", "43"),
    ("!echo 4$((2+2))\r", "44"),
    ("name = input('name? ')\r", r"name\? $"),
    ("joe\r", r"In \[\d+\]:"),
    ("name.upper()\r", "'JOE'"),
    ("exit\r", "$"),
]
PDB_APP = (
    "import threading, time\ndone = []\ndef work(n):\n    time.sleep(.2)\n    done.append(n)\ndef main():\n"
    "    ts = [threading.Thread(target=work, args=(n,)) for n in range(3)]\n    for t in ts: t.start()\n    for t in ts: t.join()\n"
    "    print('all', sorted(done))\n    time.sleep(20)\nif __name__ == '__main__':\n    main()\n"
)
PDB = [
    ("", r"\(Pdb\) "),
    ("b 10\r", r"Breakpoint 1 at"),
    ("c\r", r"\(10\)main"),
    ("p len(done)\r", "3"),
    ("!time.sleep(.1) or 43\r", "43"),
    ("n\r", "all "),
    ("c\r", "c"),
    ("wait", 0.7),
    ("\x03", "Program interrupted|KeyboardInterrupt"),
    ("p 6 * 7\r", "42"),
    ("q\r", "$"),
]


def typed(name: str, dist: str, steps: list[tuple[str, object]], prompt: str, *words: str, term: str = "xterm", files: dict[str, str] | None = None, slowly: bool = False) -> Tool:  # fmt: skip
    """A row whose program is started with *words* and typed into."""
    code = f"STEPS = {steps!r}\nPROMPT = {prompt!r}\nSLOWLY = {slowly}\n"
    env = {"TERM": term, "PYTHON_HISTORY": "history"}
    return Tool(name, dist, ["type.py", *words], {"type.py": TYPE, "steps.py": code, **(files or {})}, env=env)


# Speaks the debug adapter protocol: launches a program or waits for one to attach to, stops in each of its threads.
DEBUG = r"""
import json, os, pathlib, re, select, socket, subprocess, sys, time
HOW, CODE = sys.argv[1], sys.argv[2]
seq, queue, data = 0, [], b""
here = os.getcwd()
env = dict(os.environ, **({"GEVENT_SUPPORT": "True"} if HOW.endswith("gevent") and os.environ.get("PYTHONCOOPPATCH") else {}))
HOW = HOW.partition("-")[0]
log = open("log", "w")
if HOW == "launch":
    child = subprocess.Popen([sys.executable, "-m", "debugpy.adapter"], stdin=-1, stdout=-1, stderr=log, env=env)
    source, write = child.stdout.fileno(), lambda b: (child.stdin.write(b), child.stdin.flush())
else:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0)); port = found.getsockname()[1]
    wait = ["--wait-for-client"] if HOW == "listen" else []
    child = subprocess.Popen([sys.executable, "-m", "debugpy", "--listen", str(port), *wait, CODE], env=env, stdin=-1, stdout=log, stderr=log)
    end = time.monotonic() + 20
    while True:
        try: connection = socket.create_connection(("127.0.0.1", port)); break
        except OSError:
            if time.monotonic() > end: raise
            time.sleep(.1)
    source, write = connection.fileno(), connection.sendall
def send(command, **arguments):
    global seq
    seq += 1
    body = json.dumps({"seq": seq, "type": "request", "command": command, "arguments": arguments}).encode()
    write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return seq
def message(holds, seconds=20):
    global data
    end = time.monotonic() + seconds
    while True:
        for one in queue:
            if holds(one):
                queue.remove(one)
                return one
        match = re.match(rb"Content-Length: (\d+)\r\n\r\n", data)
        if match and len(data) >= match.end() + int(match[1]):
            queue.append(json.loads(data[match.end() : match.end() + int(match[1])]))
            data = data[match.end() + int(match[1]) :]
        elif time.monotonic() > end or not select.select([source], [], [], max(0, end - time.monotonic()))[0]:
            raise TimeoutError
        else:
            got = os.read(source, 65536)
            if not got: raise EOFError
            data += got
def ask(command, **arguments):
    number = send(command, **arguments)
    return message(lambda m: m["type"] == "response" and m["request_seq"] == number)
def event(name): return message(lambda m: m["type"] == "event" and m["event"] == name)
try:
    print("initialize", ask("initialize", adapterID="x", clientID="y", linesStartAt1=True, columnsStartAt1=True, pathFormat="path")["success"])
    if HOW == "launch":
        begun = send("launch", program=os.path.join(here, CODE), console="internalConsole", cwd=here, justMyCode=False, subProcess=False)
    else:
        begun = send("attach", justMyCode=False, subProcess=False)
    event("initialized")
    lines = [n for n, text in enumerate(open(CODE), 1) if "# here" in text]
    print("breakpoints", [b["verified"] for b in ask("setBreakpoints", source={"path": os.path.join(here, CODE)}, breakpoints=[{"line": n} for n in lines])["body"]["breakpoints"]])
    ask("configurationDone")
    print("begun", message(lambda m: m["type"] == "response" and m["request_seq"] == begun)["success"])
    seen = []
    for turn in range(4):
        thread = event("stopped")["body"]["threadId"]
        frame = ask("stackTrace", threadId=thread)["body"]["stackFrames"][0]
        value = ask("evaluate", expression="n * 2 if 'n' in dir() else total", frameId=frame["id"])["body"]["result"]
        scope = ask("scopes", frameId=frame["id"])["body"]["scopes"][0]["variablesReference"]
        names = sorted(v["name"] for v in ask("variables", variablesReference=scope)["body"]["variables"] if len(v["name"]) < 6)
        threads = len(ask("threads")["body"]["threads"]) > 0
        seen.append((frame["name"], frame["line"], value, "n" in names, threads))
        if turn == 3: ask("next", threadId=thread); print("next", ask("stackTrace", threadId=event("stopped")["body"]["threadId"])["body"]["stackFrames"][0]["line"])
        ask("continue", threadId=thread)
    print(*sorted(seen), sep="\n")
    event("terminated")
    if HOW == "launch":
        print("output", "".join(m["body"]["output"] for m in queue if m.get("event") == "output" and m["body"]["category"] == "stdout").split())
        ask("disconnect")
        child.stdin.close()
except (TimeoutError, EOFError) as error:
    print("stuck:", type(error).__name__, globals().get("seen"), [(m.get("event") or m.get("command"), m.get("body")) for m in queue if m.get("event") not in ("module", "debugpySockets")][-12:])
try: print("status", child.wait(10))
except subprocess.TimeoutExpired: child.kill(); print("does not end")
print("wrote", pathlib.Path("wrote").read_text() if os.path.exists("wrote") else None)
for line in open("log"):
    if re.search("LazyPatch|^lazypatch:|LoopExit|GEVENT", line): print(line, end="")
"""
DEBUGGED = """
import threading, time, sys
total = 0
def work(n):
    global total
    time.sleep(.1 + n * .7)
    total += n  # here
    time.sleep(.1 + n * .7)
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads: t.start()
for t in threads: t.join()
print("total", total)  # here
open("wrote", "w").write(str(total))
print("end")
"""
ATTACHED = DEBUGGED.replace("total = 0\n", "total = 0\nimport debugpy\ndebugpy.wait_for_client()\n")


def debugged(name: str, how: str, code: str = DEBUGGED) -> Tool:
    """A row: a program is debugged."""
    return Tool(name, "debugpy", ["debug.py", how, "app.py"], {"debug.py": DEBUG, "app.py": code})


# Talks to a kernel as a notebook does.
KERNEL = """
import queue, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="python3"); manager.start_kernel(); client = manager.blocking_client()
client.start_channels(); client.wait_for_ready(timeout=40)
def run(code, answer=None, **more):
    said = []
    def hook(message):
        body = message["content"]
        said.append(body.get("text") or body.get("data", {}).get("text/plain") or body.get("ename") or "")
    reply = client.execute_interactive(code, timeout=30, output_hook=hook, allow_stdin=answer is not None,
        stdin_hook=lambda m: client.input(answer), **more)
    print(code.splitlines()[-1][:40], "->", reply["content"]["status"], "".join(said).strip())
run("import threading, time, asyncio\\nticks = []\\nthreading.Thread(target=lambda: [ticks.append(time.sleep(.05)) for _ in range(2000)], daemon=True).start()")
time.sleep(1.0)
run("len(ticks) > 8")
run("from concurrent.futures import ThreadPoolExecutor as T\\nbegin = time.monotonic()\\nwith T(8) as t: list(t.map(time.sleep, [.3] * 8))\\nprint(time.monotonic() - begin < 1)")
run("await asyncio.to_thread(sum, [40, 3])")
run("name = input('name? ')\\nname.upper()", "joe")
run("!echo 4$((2+2))")
run("import subprocess; subprocess.run('echo hi', shell=True, capture_output=True).stdout")
run("import urllib.request, http.server\\ns = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\\nthreading.Thread(target=s.serve_forever, daemon=True).start()\\nurllib.request.urlopen(f'http://127.0.0.1:{s.server_port}/').status")
print("complete", client.complete("ticks.app", reply=True, timeout=10)["content"]["matches"])
print("inspect", client.inspect("len", reply=True, timeout=10)["content"]["found"])
asked = client.execute("time.sleep(30)"); time.sleep(.7); manager.interrupt_kernel()
print("interrupted", client.get_shell_msg(timeout=10)["content"].get("ename"))
asked = client.execute("while True: pass"); time.sleep(.7); manager.interrupt_kernel()
print("interrupted", client.get_shell_msg(timeout=10)["content"].get("ename"))
run("6 * 7")
manager.restart_kernel(); client.wait_for_ready(timeout=40)
run("'ticks' in dir()")
client.shutdown(); print("ended", manager.provisioner is None or not manager.is_alive() or bool(time.sleep(3)) or manager.is_alive())
client.stop_channels(); manager.shutdown_kernel(now=True)
"""

TERMINALS = [
    typed("python at a terminal", "", REPL, ">>> $", "-q", slowly=True),
    typed("python at a terminal, dumb", "", [step for step in REPL if "\x1b" not in step[0]], ">>> $", "-q", term="dumb"),
    typed("IPython at a terminal", "ipython", IPYTHON, "", "-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor", slowly=True),
    typed("pdb at a terminal", "", PDB, r"\(Pdb\) $", "-m", "pdb", "app.py", files={"app.py": PDB_APP}),
    debugged("debugpy, launch", "launch"),
    debugged("debugpy, launch, GEVENT_SUPPORT", "launch-gevent"),
    debugged("debugpy --listen --wait-for-client", "listen"),
    debugged("debugpy --listen --wait-for-client, GEVENT_SUPPORT", "listen-gevent"),
    debugged("debugpy --listen, attached to later", "attach", ATTACHED),
    Tool("a Jupyter kernel and its client", "ipykernel", ["app.py"], {"app.py": KERNEL}),
]  # fmt: skip
