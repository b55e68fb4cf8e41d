"""The rows of stacks.py that answer requests until a signal ends them."""

from __future__ import annotations

import itertools
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field

from stacks import OURS, SECONDS, Done, start, stop, write

REQUESTS, WAIT = 8, 0.4

WSGI = {
    "app.py": "import time\ndef app(environ, start_response):\n    time.sleep(0.4)\n"
    "    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [b'hi']\n"
}
FLASK = {
    "app.py": "import time\nfrom flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef hi():\n"
    "    time.sleep(0.4)\n    return 'hi'\n"
}
ASYNC_FLASK = {
    "app.py": "import asyncio\nfrom flask import Flask\napp = Flask(__name__)\n@app.get('/')\nasync def hi():\n"
    "    await asyncio.sleep(0.4)\n    return 'hi'\n"
}
ASGI = {
    "app.py": "import asyncio, time\nasync def app(scope, receive, send):\n    if scope['type'] == 'lifespan':\n"
    "        while True:\n            message = await receive()\n"
    "            await send({'type': message['type'] + '.complete'})\n"
    "            if message['type'] == 'lifespan.shutdown': return\n"
    "    await asyncio.to_thread(time.sleep, 0.4)\n"
    "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    "    await send({'type': 'http.response.body', 'body': b'hi'})\n"
}
FASTAPI = {
    "app.py": "import time\nfrom fastapi import FastAPI\nfrom fastapi.responses import PlainTextResponse\napp = FastAPI()\n"
    "@app.get('/', response_class=PlainTextResponse)\ndef hi():\n    time.sleep(0.4)\n    return 'hi'\n"
}
TRIO = {
    "app.py": "import trio\nasync def app(scope, receive, send):\n    if scope['type'] == 'lifespan':\n        while True:\n"
    "            message = await receive()\n            await send({'type': message['type'] + '.complete'})\n"
    "            if message['type'] == 'lifespan.shutdown': return\n    await trio.sleep(0.4)\n"
    "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    "    await send({'type': 'http.response.body', 'body': b'hi'})\n"
}
DJANGO = {
    "manage.py": "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
    "site_settings.py": "SECRET_KEY = 'x'\nDEBUG = True\nALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'site_urls'\nINSTALLED_APPS = []\n"
    "USE_TZ = True\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n",
    "site_urls.py": "import asyncio, time\nfrom django.db import connection\nfrom django.http import HttpResponse\n"
    "from django.urls import path\ndef hi(request):\n    time.sleep(0.4)\n"
    "    with connection.cursor() as c: c.execute('select 1')\n    return HttpResponse('hi')\n"
    "async def ahi(request):\n    from asgiref.sync import sync_to_async\n    await asyncio.sleep(0.2)\n"
    "    await sync_to_async(time.sleep, thread_sensitive=False)(0.2)\n    return HttpResponse('hi')\n"
    "urlpatterns = [path('', hi), path('async/', ahi)]\n",
    "site_asgi.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'\n"
    "from django.core.asgi import get_asgi_application\napp = get_asgi_application()\n",
    "site_wsgi.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'\n"
    "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\n",
}
WAITRESS = {
    **WSGI,
    "serve.py": "import sys, waitress, app\nwaitress.serve(app.app, listen=f'127.0.0.1:{sys.argv[1]}', threads=8)\n",
}
CHEROOT = {
    **WSGI,
    "serve.py": "import sys, app\nfrom cheroot.wsgi import Server\ns = Server(('127.0.0.1', int(sys.argv[1])), app.app, numthreads=8)\n"
    "try:\n    s.start()\nexcept KeyboardInterrupt:\n    s.stop()\n",
}
WERKZEUG = {
    **WSGI,
    "serve.py": "import sys, app\nfrom werkzeug.serving import run_simple\nrun_simple('127.0.0.1', int(sys.argv[1]), app.app, threaded=True)\n",
}
STDLIB = {
    **WSGI,
    "serve.py": "import sys, app, socketserver, wsgiref.simple_server as w\nclass S(socketserver.ThreadingMixIn, w.WSGIServer):\n"
    "    daemon_threads = True\n    request_queue_size = 50\nw.make_server('127.0.0.1', int(sys.argv[1]), app.app, S).serve_forever()\n",
}


@dataclass
class Server:
    """A program that serves: PORT in its words is a free port."""

    name: str
    dist: str
    words: list[str]
    files: dict[str, str]
    path: str = "/"  # or several, which take turns
    requests: int = REQUESTS
    beside: list[str] = field(default_factory=list)  # what is started plain instead, where its own words are gevent's
    to_group: bool = False  # the signal goes to all processes, as from a terminal
    unlike: str = ""
    spec: str = "all"
    env: dict[str, str] = field(default_factory=dict)

    def run(self, spec: str | None) -> Done:
        """Once for each signal; the requests are timed in the first."""
        done = Done("")
        begin = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._once(spec, number, done)
        done.status = f"TERM {done.more['TERM']}, INT {done.more['INT']}"
        done.took = time.monotonic() - begin if "took" not in done.more else float(str(done.more.pop("took")))
        return done

    def _once(self, spec: str | None, number: int, done: Done) -> None:
        with tempfile.TemporaryDirectory(prefix="stack") as name, tempfile.TemporaryFile("w+") as log:
            folder, port = pathlib.Path(name), _free_port()
            write(folder, self.files)
            words = self.beside if spec is None and self.beside else self.words
            child = start([word.replace("PORT", str(port)) for word in words], folder, spec, self.env, log)
            try:
                urls = [f"http://127.0.0.1:{port}{path}" for path in self.path.split()]
                _until_it_answers(urls[0], child)
                if number == signal.SIGTERM:
                    took, answers = _ask(urls, self.requests)
                    done.more |= {
                        "answers": answers,
                        "concurrent": "yes" if took < self.requests * WAIT / 2 else "no",
                        "took": took,
                    }
                self._end(child, number, done)
            except RuntimeError as error:
                done.more[signal.Signals(number).name[3:]] = str(error)
                done.more.setdefault("answers", str(error))
            finally:
                stop(child)
            log.seek(0)
            text = log.read()
            done.err += "\n".join(line for line in text.splitlines() if OURS.search(line))
            done.more[f"tracebacks, {signal.Signals(number).name[3:]}"] = text.count("Traceback (most")

    def _end(self, child: subprocess.Popen[str], number: int, done: Done) -> None:
        import os

        os.killpg(child.pid, number) if self.to_group else child.send_signal(number)
        try:
            done.more[signal.Signals(number).name[3:]] = child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            done.more[signal.Signals(number).name[3:]] = "hangs"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _get(url: str, timeout: float = 10) -> str:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return f"{answer.status} {answer.read(200)!r}"
    except Exception as error:
        return re.sub(r"\d{4,}", "#", f"{type(error).__name__}: {error}")


def _until_it_answers(url: str, child: subprocess.Popen[str]) -> None:
    end = time.monotonic() + SECONDS / 3
    while not _get(url, 3).startswith("200"):
        if child.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"never answers: {_get(url, 3)}")
        time.sleep(0.1)


def _ask(urls: list[str], count: int) -> tuple[float, dict[str, int]]:
    """How long *count* requests at once take, which go to *urls* in turn, and what was answered."""
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda url=url: answers.append(_get(url)))
        for url in itertools.islice(itertools.cycle(urls), count)
    ]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - begin, {answer: answers.count(answer) for answer in set(answers)}


SOCKETIO = {
    "serve.py": "import sys, time\nfrom flask import Flask\nfrom flask_socketio import SocketIO, emit\napp = Flask(__name__)\n"
    "io = SocketIO(app, async_mode=sys.argv[2])\n@app.get('/')\ndef hi():\n    time.sleep(0.4)\n    return 'hi'\n"
    "@io.on('ask')\ndef ask(n):\n    io.sleep(0.1)\n    emit('told', n * 2)\n    return n * 3\n"
    # A request to this one talks to the server by two clients, one by WebSocket, one by polling.
    "@app.get('/both/')\ndef both():\n    import socketio\n    found = []\n    for transport in ('websocket', 'polling'):\n"
    "        told = []\n        with socketio.SimpleClient() as client:\n            client.connect(f'http://127.0.0.1:{sys.argv[1]}', transports=[transport])\n"
    "            told.append(client.call('ask', 2)); client.emit('ask', 5); told += [client.receive(timeout=5), client.receive(timeout=5)]; told.append(client.transport)\n"
    "        found.append(told)\n    return str(found)\n"
    "io.run(app, '127.0.0.1', int(sys.argv[1]), allow_unsafe_werkzeug=True) if __name__ == '__main__' else None\n",
}
UWSGI = [
    "bin/uwsgi",
    "--http-socket",
    "127.0.0.1:PORT",
    "--wsgi-file",
    "app.py",
    "--callable",
    "app",
    "--master",
    "--need-app",
    "--die-on-term",
]
GUNICORN = ["-m", "gunicorn", "-b", "127.0.0.1:PORT"]
UVICORN = ["-m", "uvicorn", "--port", "PORT"]
FIFTY = [*GUNICORN, "-k", "gthread", "--threads", "50"]
GEVENT = [*GUNICORN, "-k", "gevent"]
_PYWSGI = (
    "gevent's own server ends on Ctrl-C with KeyboardInterrupt, in plain Python, too; werkzeug's, beside it, does not"
)

SERVERS = [
    Server("gunicorn sync, 2 workers", "gunicorn", [*GUNICORN, "-w", "2", "app:app"], WSGI),
    Server("gunicorn gthread", "gunicorn", [*GUNICORN, "-k", "gthread", "--threads", "8", "app:app"], WSGI),
    Server("gunicorn gevent", "gunicorn", [*GUNICORN, "-k", "gevent", "app:app"], WSGI),
    Server("gunicorn gevent --preload", "gunicorn", [*GUNICORN, "-k", "gevent", "--preload", "app:app"], WSGI),
    Server("gunicorn gevent --worker-connections 60, 50 clients", "gunicorn", [*GUNICORN, "-k", "gevent", "--worker-connections", "60", "app:app"], WSGI, requests=50),
    Server("gunicorn gthread --worker-connections 60, 50 clients", "gunicorn", [*FIFTY, "--worker-connections", "60", "app:app"], WSGI, requests=50),
    Server("gunicorn gevent --worker-connections 2, 4 clients", "gunicorn", [*GUNICORN, "-k", "gevent", "--worker-connections", "2", "app:app"], WSGI, requests=4),
    Server("uWSGI --threads 8", "uwsgi", [*UWSGI, "--enable-threads", "--threads", "8"], WSGI),
    Server("uWSGI --processes 2 --threads 4", "uwsgi", [*UWSGI, "--enable-threads", "--processes", "2", "--threads", "4"], WSGI),
    Server("uWSGI --processes 2 --threads 4 --lazy-apps, Django's sync views with ORM", "django", [*[word.replace("app.py", "site_wsgi.py") for word in UWSGI], "--enable-threads", "--processes", "2", "--threads", "4", "--lazy-apps"], DJANGO),
    Server("uWSGI --gevent 50, 50 clients", "uwsgi", [*UWSGI, "--gevent", "50"], WSGI, requests=50, beside=[*UWSGI, "--enable-threads", "--threads", "50"]),
    Server("uWSGI --gevent 50 --gevent-monkey-patch, 50 clients", "uwsgi", [*UWSGI, "--gevent", "50", "--gevent-monkey-patch"], WSGI, requests=50),
    Server("gunicorn gthread, Flask", "flask", [*GUNICORN, "-k", "gthread", "--threads", "8", "app:app"], FLASK),
    Server("gunicorn gthread, Flask's async view, 50 clients", "asgiref", [*FIFTY, "app:app"], ASYNC_FLASK, requests=50),
    Server("gunicorn gevent, Flask's async view, 50 clients", "asgiref", [*GEVENT, "app:app"], ASYNC_FLASK, requests=50, beside=[*FIFTY, "app:app"]),
    Server("gunicorn gthread, Django's async views beside sync ones with ORM, 50 clients", "django", [*FIFTY, "site_wsgi:app"], DJANGO, path="/ /async/", requests=50),
    Server("gunicorn gevent, Django's async views beside sync ones with ORM, 50 clients", "django", [*GEVENT, "site_wsgi:app"], DJANGO, path="/ /async/", requests=50, beside=[*FIFTY, "site_wsgi:app"]),
    Server("gunicorn, uvicorn's worker", "uvicorn", [*GUNICORN, "-k", "uvicorn.workers.UvicornWorker", "app:app"], ASGI, env={"PYTHONWARNINGS": "ignore::DeprecationWarning"}),
    Server("uvicorn --loop asyncio", "uvicorn", [*UVICORN, "--loop", "asyncio", "app:app"], ASGI),
    Server("uvicorn --loop uvloop", "uvloop", [*UVICORN, "--loop", "uvloop", "app:app"], ASGI),
    Server("uvicorn, FastAPI's def endpoints", "fastapi", [*UVICORN, "app:app"], FASTAPI),
    Server("uvicorn --workers 2", "uvicorn", [*UVICORN, "--workers", "2", "app:app"], ASGI),
    Server("uvicorn --workers 2 --loop uvloop", "uvloop", [*UVICORN, "--workers", "2", "--loop", "uvloop", "app:app"], ASGI),
    Server("uvicorn --reload", "uvicorn", [*UVICORN, "--reload", "app:app"], ASGI, to_group=True),
    Server("uvicorn, Django's ASGI, sync view with ORM", "django", [*UVICORN, "--loop", "asyncio", "--lifespan", "off", "site_asgi:app"], DJANGO),
    Server("uvicorn, Django's ASGI, async view", "django", [*UVICORN, "--loop", "asyncio", "--lifespan", "off", "site_asgi:app"], DJANGO, path="/async/"),
    Server("hypercorn asyncio", "hypercorn", ["-m", "hypercorn", "-b", "127.0.0.1:PORT", "app:app"], ASGI),
    Server("hypercorn trio", "trio", ["-m", "hypercorn", "-k", "trio", "-b", "127.0.0.1:PORT", "app:app"], TRIO),
    Server("daphne", "daphne", ["-m", "daphne", "-p", "PORT", "app:app"], ASGI),
    Server("waitress", "waitress", ["serve.py", "PORT"], WAITRESS),
    Server("cheroot", "cheroot", ["serve.py", "PORT"], CHEROOT),
    Server("werkzeug", "werkzeug", ["serve.py", "PORT"], WERKZEUG),
    Server("flask run", "flask", ["-m", "flask", "run", "-p", "PORT"], FLASK),
    Server("flask run, async view, 50 clients", "asgiref", ["-m", "flask", "run", "-p", "PORT"], ASYNC_FLASK, requests=50),
    Server("flask-socketio, threading", "flask-socketio", ["serve.py", "PORT", "threading"], SOCKETIO),
    Server("flask-socketio, threading: two clients", "flask-socketio", ["serve.py", "PORT", "threading"], SOCKETIO, path="/ /both/", requests=4),
    Server("flask-socketio, gevent", "flask-socketio", ["serve.py", "PORT", "gevent"], SOCKETIO, beside=["serve.py", "PORT", "threading"], unlike=_PYWSGI),
    Server("flask-socketio, gevent: two clients", "flask-socketio", ["serve.py", "PORT", "gevent"], SOCKETIO, path="/ /both/", requests=4, beside=["serve.py", "PORT", "threading"], unlike=_PYWSGI),
    Server("flask run --debug", "flask", ["-m", "flask", "run", "--debug", "-p", "PORT"], FLASK, to_group=True),
    Server("wsgiref with threads", "", ["serve.py", "PORT"], STDLIB),
    Server("Django runserver --noreload", "django", ["manage.py", "runserver", "--noreload", "PORT"], DJANGO),
    Server("Django runserver", "django", ["manage.py", "runserver", "PORT"], DJANGO, to_group=True),
    Server("Django runserver, async view", "django", ["manage.py", "runserver", "--noreload", "PORT"], DJANGO, path="/async/"),
]  # fmt: skip
