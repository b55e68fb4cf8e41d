"""Servers that tests start for themselves, in a temporary folder, as a user without rights; and one that says nothing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time
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


def _data(folder: pathlib.Path) -> pathlib.Path:
    """A folder in *folder* for the server's data, which its user can reach."""
    data, rights = folder / "data", _nobody()
    data.mkdir()
    if rights:
        os.chown(data, rights["user"], rights["group"])
        for parent in folder.parents:  # pytest's folders are for their owner only
            if parent.owner() == "root" and str(parent) not in ("/", "/tmp", "/var"):
                parent.chmod(parent.stat().st_mode | 0o011)
        folder.chmod(0o755)
    return data


@contextlib.contextmanager
def postgres(folder: pathlib.Path) -> Iterator[str]:
    """A PostgreSQL server in *folder*: gives its DSN. Skips the test where there is no server on this machine."""
    initdb, server = _found("initdb"), _found("postgres")
    if initdb is None or server is None:
        pytest.skip("there is no PostgreSQL server (initdb, postgres) on this machine")
    data, port, rights = _data(folder), free_port(), _nobody()
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
def mariadb(folder: pathlib.Path) -> Iterator[int]:
    """A MariaDB server in *folder* that lets everybody in: gives its port. Skips the test where there is none."""
    places = ":".join(["/usr/sbin", "/usr/bin", os.environ.get("PATH", "")])
    install, server = shutil.which("mariadb-install-db", path=places), shutil.which("mariadbd", path=places)
    if install is None or server is None:
        pytest.skip("there is no MariaDB server (mariadb-install-db, mariadbd) on this machine")
    data, port, rights = _data(folder), free_port(), _nobody()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}
    made = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run([*made, "--skip-test-db"], check=True, **quiet, **rights)  # type: ignore[call-overload]
    options = ["--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"]
    options += [f"--socket={data}/socket", "--skip-grant-tables", "--local-infile=1"]
    running = subprocess.Popen([server, *options], **quiet, **rights)  # type: ignore[call-overload]
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert running.poll() is None, "the MariaDB server ended"
            time.sleep(0.05)  # it has no other way to say that it is ready
        yield port
    finally:
        running.terminate()
        running.wait(30)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """The port of a server that accepts, and says nothing: for waits and time-outs only."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])
