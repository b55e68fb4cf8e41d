"""Servers that tests start for themselves, in a temporary folder, as a user without rights; and one that says nothing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _found(name: str) -> str | None:
    places = [str(folder) for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next(filter(None, (shutil.which(name, path=place) for place in (*places, os.environ.get("PATH", "")))), None)


def _nobody() -> dict[str, int]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid}


@contextlib.contextmanager
def postgres(folder: pathlib.Path) -> Iterator[str]:
    """A PostgreSQL server in *folder*: gives its DSN. Skips the test where there is no server on this machine."""
    initdb, server = _found("initdb"), _found("postgres")
    if initdb is None or server is None:
        pytest.skip("there is no PostgreSQL server (initdb, postgres) on this machine")
    data, port, rights = folder / "data", free_port(), _nobody()
    data.mkdir()
    if rights:
        os.chown(data, rights["user"], rights["group"])
        for parent in folder.parents:  # pytest's folders are for their owner only
            if parent.owner() == "root" and str(parent) not in ("/", "/tmp", "/var"):
                parent.chmod(parent.stat().st_mode | 0o011)
        folder.chmod(0o755)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}
    subprocess.run([initdb, "-D", data, "-U", "tester", "-A", "trust", "-N"], check=True, **quiet, **rights)  # type: ignore[call-overload]
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-F"]
    running = subprocess.Popen([server, "-D", data, *options, "-N", "40"], **quiet, **rights)  # type: ignore[call-overload]
    dsn = f"host=127.0.0.1 port={port} user=tester dbname=postgres"
    try:
        ready = shutil.which("pg_isready", path=str(pathlib.Path(server).resolve().parent)) or "pg_isready"
        for _ in range(300):
            if not subprocess.run([ready, "-h", "127.0.0.1", "-p", str(port), "-t", "1"], **quiet).returncode:  # type: ignore[call-overload]
                break
        yield dsn
    finally:
        running.terminate()
        running.wait(20)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """The port of a server that accepts, and says nothing: for waits and time-outs only."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])
