"""The rows of stacks.py that run and end: installers, test runners, formatters, profilers, debuggers, event loops."""

from __future__ import annotations

import signal

from stacks import Tool

PROJECT = {
    "proj/pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "tiny"\nversion = "1.0"\n',
    "proj/tiny.py": "def answer():\n    return 42\n",
}
TESTS = {
    "test_it.py": "import socket, threading, time, urllib.request, http.server\nimport pytest\n\n"
    "class Handler(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        time.sleep(0.1)\n"
    "        self.send_response(200); self.end_headers(); self.wfile.write(b'hi')\n    def log_message(self, *a): pass\n\n"
    "@pytest.mark.parametrize('n', range(8))\ndef test_server(n):\n"
    "    s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)\n"
    "    t = threading.Thread(target=s.serve_forever); t.start()\n"
    "    assert urllib.request.urlopen(f'http://127.0.0.1:{s.server_port}').read() == b'hi'\n"
    "    s.shutdown(); t.join(); s.server_close()\n\n"
    "def test_capture(capsys):\n    print('x'); assert capsys.readouterr().out == 'x\\n'\n\n"
    "def test_fails():\n    assert 1 == 2\n",
}
ASYNC_TESTS = {
    "test_it.py": "import asyncio, pytest, time\n\n@pytest.mark.asyncio\nasync def test_waits():\n"
    "    assert await asyncio.gather(*(asyncio.to_thread(lambda: time.sleep(0.1) or 1) for _ in range(3))) == [1] * 3\n\n"
    "@pytest.mark.asyncio\nasync def test_server():\n    async def h(r, w):\n        w.write(await r.readline()); w.close()\n"
    "    s = await asyncio.start_server(h, '127.0.0.1', 0)\n    r, w = await asyncio.open_connection(*s.sockets[0].getsockname())\n"
    "    w.write(b'a\\n'); assert await r.read() == b'a\\n'; w.close(); s.close()\n",
    "pytest.ini": "[pytest]\nasyncio_default_fixture_loop_scope = function\n",
}
SLOW = {"test_it.py": "import time\n\ndef test_waits():\n    print('ready', flush=True)\n    time.sleep(20)\n"}
BUSY = {"test_it.py": "def test_busy():\n    while True: pass\n"}
THREADS = {
    "app.py": "import threading, time\n\ndef work(n):\n    time.sleep(0.1)\n    total = 0\n    for i in range(n):\n        total += i\n"
    "    time.sleep(0.1)\n    return total\n\nts = [threading.Thread(target=work, args=(n,)) for n in range(3)]\n"
    "for t in ts: t.start()\nfor t in ts: t.join()\nprint('end')\n",
}
UGLY = {"a.py": "x = {  'a':1 }\n", "b.py": "def f( a ):\n  return   a\n", "c.py": "y=1\n"}
NOTEBOOK = {
    "n.ipynb": '{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": '
    '["import threading, time\\n", "l = []\\n", "def f():\\n", "    time.sleep(.2); l.append(1)\\n", '
    '"ts = [threading.Thread(target=f) for _ in range(3)]\\n", "[t.start() for t in ts]; [t.join() for t in ts]; print(l)"]}, '
    '{"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": null, "source": '
    '["import asyncio\\n", "print(await asyncio.to_thread(sum, [1, 2]))"]}], "metadata": {"kernelspec": {"name": "python3", '
    '"display_name": "Python 3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5}'
}
PROMPT = "import threading\nb main\nc\nn\np 6 * 7\nq\n"


def program(name: str, dist: str, code: str, **more: object) -> Tool:
    """A row whose program is *code*."""
    return Tool(name, dist, ["app.py"], {"app.py": code}, **more)  # type: ignore[arg-type]


TOOLS = [
    Tool("pip list", "pip", ["-m", "pip", "list"]),
    Tool("pip check", "pip", ["-m", "pip", "check"]),
    Tool("pip download", "pip", ["-m", "pip", "download", "--no-deps", "-d", "out", "idna"], only="Saved|Success|rror"),
    Tool("pip install", "pip", ["-m", "pip", "install", "-t", "out", "requests"], only="Success|rror"),
    Tool("pip wheel", "pip", ["-m", "pip", "wheel", "-w", "out", "./proj"], PROJECT, only="Success|rror"),
    Tool("venv", "", ["-m", "venv", "env"]),
    Tool("build", "build", ["-m", "build", "--wheel", "--no-isolation", "proj"], PROJECT, only="Success|rror"),
    Tool("build (isolated)", "build", ["-m", "build", "proj"], PROJECT, only="Success|rror"),
    Tool("tox", "tox", ["-m", "tox", "-q"], {"tox.ini": "[tox]\nskipsdist=1\nenvlist=a,b\n[testenv]\nskip_install=1\ncommands=python -c \"print('in tox')\"\n"}),
    Tool("tox -p", "tox", ["-m", "tox", "-q", "-p", "2"], {"tox.ini": "[tox]\nskipsdist=1\nenvlist=a,b\n[testenv]\nskip_install=1\ncommands=python -c \"print('in tox')\"\n"}, only="congratulations|rror|OK|FAIL", unordered=True),
    Tool("nox", "nox", ["-m", "nox"], {"noxfile.py": "import nox\n@nox.session(python=False)\ndef t(s):\n    s.run('python', '-c', 'print(1)')\n"}, only="success|rror|fail"),
    Tool("pytest", "pytest", ["-m", "pytest", "-q", "-p", "no:randomly"], TESTS),
    Tool("pytest -n 2", "pytest-xdist", ["-m", "pytest", "-q", "-n", "2"], TESTS, only=r"passed|failed|FAILED|rror"),
    Tool("pytest, INT", "pytest", ["-m", "pytest", "-q", "-s"], SLOW, signal=signal.SIGINT, only="^!!|^no tests|ready"),
    Tool("pytest, TERM", "pytest", ["-m", "pytest", "-q", "-s"], SLOW, signal=signal.SIGTERM),
    Tool("pytest-timeout, signal", "pytest-timeout", ["-m", "pytest", "-q", "--timeout", "1", "--timeout-method", "signal"], SLOW, only="^E .*Timeout|passed in|failed in"),
    Tool("pytest-timeout, signal, busy", "pytest-timeout", ["-m", "pytest", "-q", "--timeout", "1", "--timeout-method", "signal"], BUSY, only="^E .*Timeout|passed in|failed in"),
    Tool("pytest-timeout, thread", "pytest-timeout", ["-m", "pytest", "-q", "--timeout", "1", "--timeout-method", "thread"], SLOW, only="Timeout|passed|failed"),
    Tool("pytest-timeout, thread, busy", "pytest-timeout", ["-m", "pytest", "-q", "--timeout", "1", "--timeout-method", "thread", "-s"], BUSY, only="Timeout|passed|failed", unlike="pytest hides the plugin"),
    Tool("pytest-asyncio", "pytest-asyncio", ["-m", "pytest", "-q"], ASYNC_TESTS),
    Tool("pytest-cov", "pytest-cov", ["-m", "pytest", "-q", "--cov", "."], TESTS),
    Tool("coverage", "coverage", ["-c", "import subprocess, sys\nrun = lambda *a: subprocess.run([sys.executable, '-m', 'coverage', *a])\nrun('run', 'app.py'); run('report', '-m')"], THREADS, unlike="set concurrency = gevent"),
    Tool("coverage, concurrency = gevent", "coverage", ["-c", "import subprocess, sys\nrun = lambda *a: subprocess.run([sys.executable, '-m', 'coverage', *a])\nrun('run', '--concurrency=' + ('gevent' if __import__('os').environ.get('PYTHONCOOPPATCH') else 'thread'), 'app.py'); run('report', '-m')"], THREADS),
    Tool("cProfile", "", ["-m", "cProfile", "-o", "out.prof", "app.py"], THREADS),
    Tool("trace", "", ["-m", "trace", "--count", "-C", "out", "app.py"], THREADS),
    Tool("timeit", "", ["-m", "timeit", "-n", "2", "-r", "2", "import time; time.sleep(.01)"], only="loops|Error"),
    Tool("unittest", "", ["-m", "unittest", "-v"], {"test_a.py": "import unittest, asyncio\nclass T(unittest.IsolatedAsyncioTestCase):\n    async def test(self):\n        await asyncio.to_thread(print, 1)\n"}),
    Tool("pdb", "", ["-m", "pdb", "app.py"], {"app.py": "import time\ndef main():\n    time.sleep(.1)\n    print('in main')\nmain()\n"}, stdin=PROMPT),
    Tool("black --check", "black", ["-m", "black", "--check", "."], UGLY, unordered=True),
    Tool("black --diff", "black", ["-m", "black", "--diff", "."], UGLY, unordered=True),
    Tool("black", "black", ["-m", "black", "."], UGLY, unordered=True),
    Tool("black a.py b.py", "black", ["-m", "black", "a.py", "b.py"], UGLY, unordered=True),
    Tool("mypy", "mypy", ["-m", "mypy", "--strict", "."], {"a.py": "def f(a):\n    return a\nx: int = ''\n"}),
    Tool("ruff", "ruff", ["-m", "ruff", "check", "."], {"a.py": "import os\n"}),
    Tool("pylint", "pylint", ["-m", "pylint", "a.py", "b.py"], {"a.py": "import os\n", "b.py": "def f(a):\n    return b\n"}, only=r"^[ab]\.py"),
    Tool("pylint -j 2", "pylint", ["-m", "pylint", "-j", "2", "a.py", "b.py"], {"a.py": "import os\n", "b.py": "def f(a):\n    return b\n"}, only=r"^[ab]\.py|rror", unordered=True),
    Tool("compileall -j 2", "", ["-m", "compileall", "-q", "-j", "2", "."], UGLY, unordered=True),
    Tool("IPython -c", "ipython", ["-m", "IPython", "--no-banner", "--colors=NoColor", "-c", "import asyncio\nprint(await asyncio.to_thread(sum, [1, 2]))"]),
    Tool("IPython, stdin", "ipython", ["-m", "IPython", "--no-banner", "--simple-prompt", "--colors=NoColor"], stdin="import time\ntime.sleep(.1); print(6*7)\nexit\n"),
    Tool("python -i", "", ["-i"], stdin="import threading, time\nt = threading.Thread(target=time.sleep, args=(.1,)); t.start(); t.join()\nprint(6*7)\n", only="42|rror"),
    Tool("nbconvert --execute", "nbconvert", ["-m", "nbconvert", "--execute", "--stdout", "--to", "markdown", "n.ipynb"], NOTEBOOK),
    Tool("pyinstrument", "pyinstrument", ["-m", "pyinstrument", "-r", "json", "-o", "out.json", "app.py"], THREADS),
    program("asyncio", "", "import asyncio, time\nasync def main():\n    print(await asyncio.gather(*(asyncio.to_thread(lambda: time.sleep(.2) or 1) for _ in range(5))))\nasyncio.run(main())\n"),
    program("uvloop", "uvloop", "import asyncio, time, uvloop, signal\nasync def main():\n    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)\n    print(await asyncio.gather(*(asyncio.to_thread(lambda: time.sleep(.2) or 1) for _ in range(5))))\nuvloop.run(main())\n"),
    program("trio", "trio", "import trio, time\nasync def main():\n    async with trio.open_nursery() as n:\n        for i in range(4):\n            n.start_soon(trio.to_thread.run_sync, time.sleep, .2)\n    p = await trio.run_process(['echo', 'hi'], capture_stdout=True); print(p.stdout)\n    a, b = trio.socket.socketpair(); await a.send(b'x'); print(await b.recv(1))\ntrio.run(main)\n"),
    program("anyio on asyncio", "anyio", "import anyio, time\nasync def main():\n    async with anyio.create_task_group() as g:\n        for i in range(4):\n            g.start_soon(anyio.to_thread.run_sync, time.sleep, .2)\n    print((await anyio.run_process(['echo', 'hi'])).stdout)\nanyio.run(main)\n"),
    program("anyio on trio", "trio", "import anyio, time\nasync def main():\n    async with anyio.create_task_group() as g:\n        for i in range(4):\n            g.start_soon(anyio.to_thread.run_sync, time.sleep, .2)\n    print((await anyio.run_process(['echo', 'hi'])).stdout)\nanyio.run(main, backend='trio')\n"),
    program("APScheduler", "apscheduler", "import time\nfrom apscheduler.schedulers.background import BackgroundScheduler\nl = []\ns = BackgroundScheduler(); s.add_job(l.append, 'interval', args=[1], seconds=.2); s.start(); time.sleep(1.1); s.shutdown(); print(len(l) >= 3)\n"),
    program("celery, memory broker", "celery", "import time, threading\nfrom celery import Celery\napp = Celery('a', broker='memory://', backend='cache+memory://')\n@app.task\ndef add(a, b):\n    time.sleep(.2); return a + b\nfrom celery.contrib.testing.worker import start_worker\nif __name__ == '__main__':\n    with start_worker(app, pool='threads', concurrency=4, perform_ping_check=False):\n        rs = [add.delay(i, i) for i in range(4)]\n        print([r.get(timeout=10) for r in rs])\n"),
    program("multiprocessing.Manager", "", "import multiprocessing as mp\nif __name__ == '__main__':\n    with mp.Manager() as m:\n        d = m.dict(a=1); d['b'] = 2; print(dict(d))\n"),
    program("ProcessPoolExecutor", "", "import concurrent.futures as f, multiprocessing as mp\nif __name__ == '__main__':\n    for method in ('fork', 'spawn', 'forkserver'):\n        with f.ProcessPoolExecutor(2, mp_context=mp.get_context(method)) as e:\n            print(list(e.map(abs, range(4))))\n"),
    program("truststore", "truststore", "import ssl, truststore\ntruststore.inject_into_ssl()\nc = ssl.create_default_context(); c.verify_mode, c.check_hostname\nc2 = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT); c2.check_hostname = False; c2.verify_mode = ssl.CERT_NONE; print(c2.verify_mode, type(c).__name__)\ntruststore.extract_from_ssl(); print('end')\n"),
    program("uvloop, children", "uvloop", "import asyncio, uvloop\nasync def main():\n    p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1); print(await p.communicate())\nuvloop.run(main())\n"),
    program("eventlet, imported", "eventlet", "import eventlet, time\nprint(eventlet.spawn(lambda: 5).wait())\n", env={"PYTHONWARNINGS": "ignore::DeprecationWarning"}),
    program("freezegun", "freezegun", "import datetime, time, threading\nfrom freezegun import freeze_time\nwith freeze_time('2020-01-02'):\n    print(datetime.date.today(), time.time())\n    t = threading.Thread(target=time.sleep, args=(.1,)); t.start(); t.join()\nprint(datetime.date.today().year > 2020)\n"),
    program("time-machine", "time-machine", "import datetime, time, threading, time_machine\nwith time_machine.travel('2020-01-02', tick=False):\n    print(datetime.date.today(), time.time())\n    t = threading.Thread(target=time.sleep, args=(.1,)); t.start(); t.join()\nprint(datetime.date.today().year > 2020)\n"),
    program("responses", "responses", "import requests, responses\n@responses.activate\ndef main():\n    responses.get('http://example.invalid/', json={'a': 1}); print(requests.get('http://example.invalid/').json())\nmain()\n"),
    program("gevent.monkey called by the program", "gevent", "from gevent import monkey; print(monkey.patch_all())\nimport socket, gevent.socket, time, gevent, threading\nprint(socket.socket is gevent.socket.socket)\nts = [threading.Thread(target=time.sleep, args=(.2,)) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; print('end')\n"),
]  # fmt: skip
