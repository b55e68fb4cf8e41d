"""What a look-up of a name raises is raised, and not printed as well."""

import pytest
from conftest import run_python

ASKS = """
import socket, threading, traceback
def ask(name, *args):
    try: print(name, getattr(socket, name)(*args))
    except Exception as error:
        inside = [frame.name for frame in traceback.extract_tb(error.__traceback__) if "encodings" not in frame.filename]
        print(name, type(error).__name__, error, "_outcome" in inside, error.__context__ is error.__cause__)
thread = threading.Thread(target=ask, args=("getaddrinfo", "localhost", 1.5)); thread.start(); thread.join()
ask("getaddrinfo", "localhost", [])
ask("getaddrinfo", 1, 2)
ask("getaddrinfo", "a" * 70, 1)
ask("getaddrinfo", "localhost", "no such service")
ask("gethostbyname", 1)
ask("gethostbyname_ex", 1.5)
ask("gethostbyaddr", [])
ask("getnameinfo", ("127.0.0.1", 99999999999), 0)
ask("getnameinfo", 1, 0)
ask("gethostbyname", "localhost")
ask("getnameinfo", ("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
try: socket.create_connection(("localhost", "x y"), 1)
except OSError as error: print(type(error).__name__)
"""


@pytest.mark.parametrize("spec", ["all", "all,-socket-class"])
def test_errors_are_not_printed(spec: str) -> None:
    plain, armed = run_python("-c", ASKS), run_python("-c", ASKS, spec=spec)
    assert (armed.returncode, armed.stdout) == (0, plain.stdout)
    assert "getaddrinfo OSError Int or String expected False True" in armed.stdout and armed.stderr == ""
