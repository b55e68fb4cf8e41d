"""A small real application in a container-like tree, from its build to its cron job, with the variable exported.

``python tests/by_hand/container.py [--keep FOLDER]``, as root on Linux, by a Python whose environment has pip and a network
or an index. It makes a tree with nothing in it but this Python, the libraries that it is linked with, and the wheels of the
application; there is no /proc, no home, and nobody but root may write anywhere except in /tmp and /var/app. Each step runs in
a chroot there as user nobody, ``PYTHONCOOPPATCH=all`` exported (the build as root, as in a Dockerfile), and again with plain
Python. Shown for each step: exit status, and whether it said the same; if not, what it said. Exit status 1 if anything differs, if a
step fails with plain Python, or if lazypatch says a word.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from typing import NamedTuple

NEEDS = "django gunicorn huey requests pytest pytest-django".split()  # noqa: SIM905
PROJECT = {
    "manage.py": """
        import os, sys
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
    """,
    "site_/__init__.py": "",
    "site_/settings.py": """
        SECRET_KEY = "x"; ALLOWED_HOSTS = ["*"]; ROOT_URLCONF = "site_.urls"; USE_TZ = True
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.staticfiles",
                          "huey.contrib.djhuey", "notes"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/var/app/db.sqlite3",
                                 "OPTIONS": {"timeout": 20}}}
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        STATIC_URL, STATIC_ROOT = "/static/", "/var/app/static"
        HUEY = {"huey_class": "huey.SqliteHuey", "filename": "/var/app/huey.sqlite3", "immediate": False,
                "consumer": {"workers": 2, "worker_type": "thread"}}
    """,
    "site_/urls.py": """
        from django.urls import path
        from notes import views
        urlpatterns = [path("add/<str:text>", views.add), path("count", views.count), path("slow", views.slow)]
    """,
    "site_/wsgi.py": """
        import os
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
        from django.core.wsgi import get_wsgi_application
        application = get_wsgi_application()
    """,
    "notes/__init__.py": "",
    "notes/models.py": """
        from django.db import models
        class Note(models.Model):
            text = models.CharField(max_length=100)
            done = models.BooleanField(default=False)
    """,
    "notes/migrations/__init__.py": "",
    "notes/tasks.py": """
        from huey.contrib.djhuey import db_task
        from .models import Note
        @db_task()
        def finish(key): Note.objects.filter(pk=key).update(done=True)
    """,
    "notes/views.py": """
        import time
        from django.http import HttpResponse
        from .models import Note
        from .tasks import finish
        def add(request, text):
            finish(Note.objects.create(text=text).pk)
            return HttpResponse("added")
        def count(request): return HttpResponse(f"{Note.objects.count()} {Note.objects.filter(done=True).count()}")
        def slow(request):
            time.sleep(0.3)
            return HttpResponse("slept")
    """,
    "notes/management/__init__.py": "",
    "notes/management/commands/__init__.py": "",
    "notes/management/commands/ask.py": """
        import time
        from concurrent.futures import ThreadPoolExecutor
        import requests
        from django.core.management.base import BaseCommand
        URL = "http://127.0.0.1:8765/"
        def get(path): return requests.get(URL + path, timeout=20).text
        class Command(BaseCommand):
            def handle(self, *args, **options):
                for _ in range(200):
                    try: get("count"); break
                    except requests.ConnectionError: time.sleep(0.05)
                with ThreadPoolExecutor(8) as pool:
                    added = list(pool.map(get, [f"add/{n}" for n in range(8)]))
                    begin = time.monotonic(); slept = list(pool.map(get, ["slow"] * 8))
                    at_once = time.monotonic() - begin < 1.2
                for _ in range(400):
                    if get("count") == "8 8": break
                    time.sleep(0.05)
                self.stdout.write(f"{added.count('added')} {slept.count('slept')} {at_once} {get('count')}")
    """,
    "tests/test_notes.py": """
        import subprocess, sys, threading
        import pytest
        from notes.models import Note
        @pytest.mark.django_db
        def test_a_note(client):
            assert client.get("/add/hello").content == b"added" and Note.objects.get().text == "hello"
        def test_threads_and_children():
            found = []
            threads = [threading.Thread(target=found.append, args=(n,)) for n in range(5)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert sorted(found) == list(range(5))
            assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True).stdout == "1\\n"
    """,
    "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = site_.settings\npythonpath = .\naddopts = -p no:cacheprovider\n",
}
OWN = "import os; [os.chown(f'/var/app/{name}', 65534, 65534) for name in os.listdir('/var/app')]"
PYTHON, HERE = "/opt/python/bin/python3", "/srv/app"


class Said(NamedTuple):
    """What a step did."""

    status: int | None
    out: str
    err: str


class Tree:
    """The tree, and how a program is run in it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def make(self) -> None:
        """This Python, its libraries, devices, the application and its wheels."""
        self.root.chmod(0o755)  # a temporary folder is its owner's alone
        for folder in ("tmp", "var/app", "etc", "dev/shm", "srv/app", "usr/bin", "bin", "wheels"):
            (self.root / folder).mkdir(parents=True)
        for folder in ("tmp", "dev/shm"):
            (self.root / folder).chmod(0o1777)
        (self.root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
            os.mknod(self.root / "dev" / name, 0o666 | 0o020000, os.makedev(1, minor))
            (self.root / "dev" / name).chmod(0o666)
        base = pathlib.Path(sys.base_prefix)
        shutil.copytree(
            base, self.root / "opt/python", symlinks=True, ignore=shutil.ignore_patterns("test", "site-packages", "*.a")
        )
        packages = self.root / "opt/python/lib/python{}.{}".format(*sys.version_info) / "site-packages"
        packages.mkdir()
        found = [*(self.root / "opt/python").rglob("*.so*"), (self.root / "opt/python/bin/python3").resolve()]
        for file in found:
            self._copy_needed(file)
        for shell in ("/bin/sh", "/bin/true"):
            shutil.copy(shell, self.root / shell[1:])
            self._copy_needed(pathlib.Path(shell))
        for name, text in PROJECT.items():
            file = self.root / HERE[1:] / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text).strip() + "\n")
        project = pathlib.Path(__file__).parents[2]
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "-q", "-w", self.root / "wheels", project, *NEEDS, "pip"], check=True
        )
        pip = next((self.root / "wheels").glob("pip-*.whl")).name
        wheels = ["--no-index", "--find-links", "/wheels", "pip", "lazypatch", *NEEDS]
        self.run([PYTHON, f"/wheels/{pip}/pip", "install", "-q", *wheels], user=0)
        for file in packages.rglob("*.so*"):
            self._copy_needed(file)

    def _copy_needed(self, file: pathlib.Path) -> None:
        listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            target = self.root / library[1:]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, target)

    def start(self, command: list[str], user: int, spec: str) -> subprocess.Popen[str]:
        """Start *command* there, with the variable set to *spec*, if that is not empty."""
        env = {"PATH": "/opt/python/bin:/bin", "LANG": "C.UTF-8", **({"PYTHONCOOPPATCH": spec} if spec else {})}
        to = f"--userspec={user}:{user}"
        return subprocess.Popen(
            [shutil.which("chroot") or "/usr/sbin/chroot", to, self.root, "/bin/sh", "-c", f'cd {HERE} && exec "$@"', "sh", *command],
            env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, command: list[str], user: int = 65534, spec: str = "") -> Said:
        """Run it to its end."""
        return ended(self.start(command, user, spec), 180)


def ended(child: subprocess.Popen[str], seconds: float) -> Said:
    """What *child* has said at its end, which comes within *seconds*; else it is killed, and has no status."""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return Said(None, *child.communicate())
    return Said(child.returncode, out, err)


def life(tree: Tree, spec: str) -> dict[str, Said]:
    """All steps of the application's life, in order."""
    manage = [PYTHON, "manage.py"]
    shutil.rmtree(tree.root / "var/app")
    (tree.root / "var/app").mkdir()
    os.chown(tree.root / "var/app", 65534, 65534)
    shutil.rmtree(tree.root / "srv/app/notes/migrations")
    (tree.root / "srv/app/notes/migrations").mkdir()
    (tree.root / "srv/app/notes/migrations/__init__.py").touch()
    install = [PYTHON, "-m", "pip", "install", "--no-index", "--find-links", "/wheels", "--root-user-action=ignore"]
    said = {
        "pip install": tree.run([*install, "-q", "--force-reinstall", "lazypatch", *NEEDS], 0, spec),
        "pip check": tree.run([PYTHON, "-m", "pip", "check", "--no-cache-dir"], spec=spec),
        "compileall": tree.run([PYTHON, "-m", "compileall", "-q", "-j", "2", HERE], 0, spec),
        "makemigrations": tree.run([*manage, "makemigrations", "-v0"], 0, spec),
        "chown": tree.run([PYTHON, "-c", OWN], 0, spec),
        "migrate": tree.run([*manage, "migrate", "-v0"], spec=spec),
        "collectstatic": tree.run([*manage, "collectstatic", "--noinput"], spec=spec),
        "check --deploy": tree.run([*manage, "check"], spec=spec),
    }
    bound = ["-b", "127.0.0.1:8765", "--threads", "8", "-w", "2", "--log-level", "warning", "--worker-tmp-dir", "/tmp"]
    server = tree.start([PYTHON, "-m", "gunicorn", *bound, "site_.wsgi"], 65534, spec)
    worker = tree.start([*manage, "run_huey", "-q"], 65534, spec)
    said["cron job"] = tree.run([*manage, "ask"], spec=spec)
    for name, child, number in (("server, TERM", server, signal.SIGTERM), ("worker, INT", worker, signal.SIGINT)):
        child.send_signal(number)
        said[name] = ended(child, 60)
    said["pytest"] = tree.run([PYTHON, "-m", "pytest", "-q", "tests"], spec=spec)
    return said


def same(text: str) -> str:
    """*text* without what differs from run to run."""
    return re.sub(r"\d+\.\d+s|\[\d{4}-[^\]]*\]|\b\d{4,}\b|0x[0-9a-f]+", "#", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=pathlib.Path, help="use this folder, and leave the tree in it")
    options = parser.parse_args()
    root = options.keep or pathlib.Path(tempfile.mkdtemp())
    tree = Tree(root)
    try:
        if not (root / "opt").exists():
            tree.make()
        plain, armed = life(tree, ""), life(tree, "all")
        wrong = 0
        for step, one in plain.items():
            other = armed[step]
            differs = (one.status, same(one.out), same(one.err)) != (other.status, same(other.out), same(other.err))
            speaks = "lazypatch" in other.err.replace("/lazypatch/", "")
            wrong += differs or speaks or one.status != 0
            print(f"{step:16} status {one.status} / {other.status}  {'DIFFERS' if differs else 'the same'}")
            if differs or speaks or one.status != 0:
                print(textwrap.indent(f"plain: {one.out}{one.err}\narmed: {other.out}{other.err}", "    "))
        return bool(wrong)
    finally:
        if options.keep is None:
            shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())
