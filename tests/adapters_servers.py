"""For tests of adapters: servers that they start in a temporary folder, as a user without rights, and calls in threads."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import HANGS_AFTER, run_python

# For a program of a test that has imported threading and time: what calls give that threads make all at once, and how long
# all of them took. What one of them raises fails the program.
ALL_OF = """
def all_of(calls):
    found, failed = [], []
    def one(call):
        try: found.append(call())
        except BaseException as error: failed.append(error)
    begin = time.monotonic()
    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    [each.start() for each in threads]; [each.join() for each in threads]
    assert not failed, failed
    return found, time.monotonic() - begin
"""

# For the same: a proxy in the process of the client, so that who waits in C without letting the others run waits for ever.
# After meet(n) answers are kept back until n of them are there.
THROUGH = """
import socket, threading
class Through:
    def __init__(self, port):
        self.target, self.listener = port, socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port, self.state = self.listener.getsockname()[1], threading.Condition()
        self.meet(0)
        threading.Thread(target=self.accept, daemon=True).start()
    def meet(self, n):
        with self.state: self.wanted, self.there = n, 0; self.state.notify_all()
    def accept(self):
        while True:
            client = self.listener.accept()[0]; server = socket.create_connection(("127.0.0.1", self.target))
            for way in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.pump, args=way, daemon=True).start()
    def pump(self, source, sink, is_answer):
        try:
            while data := source.recv(65536):
                if is_answer:
                    with self.state:
                        self.there += 1; self.state.notify_all()
                        self.state.wait_for(lambda: self.there >= self.wanted)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError: pass
    def until(self, n):
        with self.state: self.state.wait_for(lambda: self.there >= n)
"""


def port_of(server: Callable[[], contextlib.AbstractContextManager[int]]) -> Any:
    """A fixture for a file of tests: the port of *server*, which runs as long as they do."""

    @pytest.fixture(scope="module")
    def port() -> Iterator[int]:
        with server() as number:
            yield number

    return port


def runner(prelude: str, quiet: bool = True) -> Callable[..., None]:
    """A function that runs code behind *prelude* in a clean child, which gets a port as its argument and must exit 0.

    :param quiet: it must say nothing on stderr, either.
    """

    def run(port: int, code: str, spec: str | None = "all") -> None:
        done = run_python("-c", prelude + textwrap.dedent(code), str(port), spec=spec)
        assert done.returncode == 0 and not (quiet and done.stderr), f"{done.stdout}\n{done.stderr}"

    return run


def run(code: str, spec: str | None, *arguments: object) -> None:
    """Have a program end well, whatever the libraries deprecate meanwhile."""
    done = run_python("-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(code), *map(str, arguments), spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


_taken: list[socket.socket] = []  # what keeps each port for this process, until its end


def free_port() -> int:
    """A port that nobody listens on, and that nobody takes before a server of this process listens on it.

    It is none of those that the system gives to whoever connects. The same number is bound for datagrams, which a server
    does not use: so the other processes of a test run, which look for ports in the same way, find that it is taken.
    """
    while True:
        port = random.randrange(12000, 32000)
        mine = socket.socket(type=socket.SOCK_DGRAM)
        try:
            mine.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
                probe.bind(("127.0.0.1", port))
        except OSError:
            mine.close()
            continue
        _taken.append(mine)
        return port


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
def _data() -> Iterator[pathlib.Path]:
    """A folder for the server's data, which its user can reach: pytest's own are for whoever runs pytest only."""
    with tempfile.TemporaryDirectory(prefix="server-", ignore_cleanup_errors=True) as made:
        folder, rights = pathlib.Path(made), _nobody()
        folder.chmod(0o755)
        (folder / "data").mkdir()
        if rights:
            os.chown(folder / "data", rights["user"], rights["group"])
        yield folder / "data"


@contextlib.contextmanager
def _running(
    command: list[str], data: pathlib.Path, is_ready: Callable[[], bool], stop: int = signal.SIGTERM, **env: str
) -> Iterator[None]:
    """A server by *command*, until the end of the block, which it hears of by *stop*; the block begins when it is ready."""
    server = subprocess.Popen(command, env={**os.environ, **env}, **_quiet(data), **_nobody())  # type: ignore[call-overload]
    try:
        while not is_ready():
            assert server.poll() is None, f"{command[0]} ended"
            time.sleep(0.05)  # it has no other way to say that it is ready
        yield
    finally:
        server.send_signal(stop)
        try:
            server.wait(HANGS_AFTER)
        finally:
            server.kill()


def _quiet(data: pathlib.Path) -> dict[str, object]:
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": data}


@contextlib.contextmanager
def certificate() -> Iterator[tuple[str, str]]:
    """The files of localhost's certificate, which docs/examples has, and of its key, which the user of the servers may read."""
    source = pathlib.Path(__file__).parents[1] / "docs" / "examples"
    with _data() as folder:
        for name in ("cert.pem", "key.pem"):
            shutil.copy(source / name, folder)
            if rights := _nobody():
                os.chown(folder / name, rights["user"], rights["group"])
        (folder / "key.pem").chmod(0o600)
        yield str(folder / "cert.pem"), str(folder / "key.pem")


@contextlib.contextmanager
def postgres(*settings: str) -> Iterator[str]:
    """A PostgreSQL server: gives its DSN. Skips the test where there is no server on this machine.

    :param settings: what its configuration says besides, each as NAME=VALUE.
    """
    initdb, server = _found("initdb"), _found("postgres")
    if initdb is None or server is None:
        pytest.skip("there is no PostgreSQL server (initdb, postgres) on this machine")
    ready = shutil.which("pg_isready", path=str(pathlib.Path(server).resolve().parent)) or "pg_isready"
    port = str(free_port())
    with _data() as data:
        made = [initdb, "-D", data, "-U", "tester", "-A", "trust", "-N"]
        subprocess.run(made, check=True, **_quiet(data), **_nobody())  # type: ignore[call-overload]
        options = ["-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-F", "-N", "40"]
        options += [word for setting in settings for word in ("-c", setting)]
        ask = [ready, "-h", "127.0.0.1", "-p", port, "-t", "1"]
        is_ready = lambda: subprocess.run(ask, **_quiet(data)).returncode == 0  # type: ignore[call-overload]
        # SIGTERM would have it wait for the queries of clients that are gone.
        with _running([server, "-D", str(data), *options], data, is_ready, signal.SIGINT):
            yield f"host=127.0.0.1 port={port} user=tester dbname=postgres"


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def mariadb(*more: str) -> Iterator[int]:
    """A MariaDB server that lets everybody in: gives its port. Skips the test where there is none.

    :param more: options of its command line, besides.
    """
    places = ":".join(["/usr/sbin", "/usr/bin", os.environ.get("PATH", "")])
    install, server = shutil.which("mariadb-install-db", path=places), shutil.which("mariadbd", path=places)
    if install is None or server is None:
        pytest.skip("there is no MariaDB server (mariadb-install-db, mariadbd) on this machine")
    port = free_port()
    # A server removes the temporary tables that it finds when it starts, those of other servers in the same folder, too.
    with _data() as data, _data() as temporary:
        places_of = ["--no-defaults", f"--datadir={data}", f"--tmpdir={temporary}"]
        made = [install, *places_of, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(made, check=True, **_quiet(data), **_nobody())  # type: ignore[call-overload]
        options = [*places_of, f"--port={port}", "--bind-address=127.0.0.1"]
        options += [f"--socket={data}/socket", "--skip-grant-tables", "--local-infile=1", *more]
        with _running([server, *options], data, lambda: _answers(port)):
            yield port


def _server(name: str, kind: str) -> str:
    """Where the program *name* is. Skips the test where it is not on this machine."""
    places = ":".join(["/usr/sbin", "/usr/bin", "/usr/lib/rabbitmq/bin", os.environ.get("PATH", "")])
    return shutil.which(name, path=places) or pytest.skip(f"there is no {kind} server ({name}) on this machine")


@contextlib.contextmanager
def redis(*more: str) -> Iterator[int]:
    """A Redis server that keeps nothing: gives its port. Skips the test where there is none.

    :param more: options of its command line, besides.
    """
    server, port = _server("redis-server", "Redis"), free_port()
    with _data() as data:
        words = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(data), *more]
        with _running(words, data, lambda: _answers(port)):
            yield port


@contextlib.contextmanager
def memcached() -> Iterator[int]:
    """A memcached: gives its port. Skips the test where there is none."""
    server, port = _server("memcached", "memcached"), free_port()
    with _data() as data, _running([server, "-p", str(port), "-l", "127.0.0.1"], data, lambda: _answers(port)):
        yield port


@contextlib.contextmanager
def rabbitmq() -> Iterator[int]:
    """A RabbitMQ server with its usual user, guest: gives its port. Skips the test where there is none."""
    server, port, names = _server("rabbitmq-server", "RabbitMQ"), free_port(), free_port()
    if server == "/usr/sbin/rabbitmq-server":  # Debian's, which wants to be root
        server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    with _data() as data:
        env = {"HOME": str(data), "ERL_EPMD_PORT": str(names), "RABBITMQ_NODENAME": f"test{port}@localhost"}
        env |= {
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
        }
        env |= {
            "RABBITMQ_MNESIA_BASE": str(data),
            "RABBITMQ_LOG_BASE": str(data),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }
        env |= {"RABBITMQ_ENABLED_PLUGINS_FILE": f"{data}/plugins", "RABBITMQ_CONFIG_FILE": f"{data}/config"}
        try:
            with _running([server], data, lambda: _answers(port), **env):
                yield port
        finally:  # Erlang's register of names, which the server started, stays otherwise
            stop = [_server("epmd", "Erlang"), "-port", str(names), "-kill"]
            subprocess.run(stop, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)


SLAPD = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {data}/pid
database mdb
suffix "dc=example"
rootdn "cn=admin,dc=example"
rootpw secret
directory {data}
"""


@contextlib.contextmanager
def ldap() -> Iterator[int]:
    """An OpenLDAP server without entries; cn=admin,dc=example may write, and its password is secret: gives its port."""
    server, port = _server("slapd", "LDAP"), free_port()
    with _data() as data:
        (data / "slapd.conf").write_text(SLAPD.format(data=data))
        words = [server, "-d", "0", "-h", f"ldap://127.0.0.1:{port}", "-f", str(data / "slapd.conf")]
        with _running(words, data, lambda: _answers(port)):
            yield port


@contextlib.contextmanager
def slow(port: int, seconds: float = 0.3) -> Iterator[int]:
    """The port of a proxy, in front of *port*, that keeps each answer back for some *seconds*."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, pause: float) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65536):
                time.sleep(pause)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", port))
                for way in ((client, server, 0), (server, client, seconds)):
                    threading.Thread(target=pump, args=way, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """The port of a server that accepts, and says nothing: for waits and time-outs only."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])
