"""TLS sockets that do not wait say so, know their peer's name as it is sent, and ssl.get_server_certificate() is whole.

What differs in gevent's. ``send()`` gives 0 where it would have to wait and the socket is non-blocking; natively it
raises SSLWantWriteError or SSLWantReadError, which a program with a loop of its own (paho-mqtt's) goes by: it would
send nothing, again and again. ``server_hostname`` is what was given, where natively it is encoded as the protocol
wants it (IDNA). And ``get_server_certificate()`` takes no *timeout*, and does not tell the server which name it asks
for, so one that has several answers with the wrong certificate: Python's own is Python code, and cooperative by itself.
"""

from __future__ import annotations

from .._gevent import native
from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(ssl: Any) -> list[Change]:
    """Four names in gevent's class, and one function in the module."""
    kind = ssl.SSLSocket
    if "send" not in vars(kind) or kind is native("ssl", "SSLSocket"):
        return []
    return [
        Change(kind, "__init__", _closing(vars(kind)["__init__"])),
        Change(kind, "send", _telling(vars(kind)["send"])),
        Change(kind, "unwrap", _unwrapping(vars(kind)["unwrap"])),
        Change(kind, "server_hostname", property(_hostname, _set_hostname)),
        Change(ssl, "get_server_certificate", native("ssl", "get_server_certificate")),
    ]


def _telling(original: Any) -> Any:
    original = getattr(original, "_of", original)

    def send(self: Any, data: Any, flags: int = 0, **timeout: Any) -> Any:  # sendall() passes what is left of it
        if self.timeout == 0.0 and self._sslobj and not flags:
            return self._sslobj.write(data)
        return original(self, data, flags, **timeout)

    send.__qualname__, send.__module__, send.__doc__ = original.__qualname__, original.__module__, original.__doc__
    send._of = original  # type: ignore[attr-defined]
    return send


def _unwrapping(original: Any) -> Any:
    original = getattr(original, "_of", original)
    from ssl import SSLWantReadError, SSLWantWriteError  # its body has run by now

    def unwrap(self: Any) -> Any:
        if not self._sslobj:
            raise ValueError(f"No SSL wrapper around {self}")
        while True:
            try:
                self._sslobj.shutdown()
                break
            except (SSLWantReadError, SSLWantWriteError) as error:
                if self.timeout == 0.0:
                    raise
                event = self._read_event if isinstance(error, SSLWantReadError) else self._write_event
            self._wait(event)
        self._sslobj = None
        return self

    unwrap.__qualname__, unwrap.__module__ = original.__qualname__, original.__module__
    unwrap._of = original  # type: ignore[attr-defined]
    return unwrap


def _closing(original: Any) -> Any:
    original = getattr(original, "_of", original)

    def __init__(self: Any, sock: Any = None, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, sock, *args, **kwargs)
        except UnicodeError:  # the name of the server is none; whose socket this was has none any more, as natively
            if sock is not None:
                sock.close()
            raise

    __init__.__qualname__, __init__.__module__ = original.__qualname__, original.__module__
    __init__._of = __init__.__wrapped__ = original  # type: ignore[attr-defined]
    return __init__


def _hostname(self: Any) -> Any:
    return vars(self).get("server_hostname")


def _set_hostname(self: Any, name: Any) -> None:
    vars(self)["server_hostname"] = self._context._encode_hostname(name)
