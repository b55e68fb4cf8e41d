"""PyInstaller's hook: adapters, and much of the rest, are imported by names that are made when they are needed."""

from PyInstaller.utils.hooks import collect_submodules

_NOT_FOR_PROGRAMS = ("lazypatch.pytest_", "lazypatch.frozen")
_SOURCES = ("os", "queue", "select", "selectors", "signal", "socket", "ssl", "subprocess", "thread", "threading")
hiddenimports = [
    *collect_submodules("lazypatch", filter=lambda name: not name.startswith(_NOT_FOR_PROGRAMS)),
    *(f"gevent.{name}" for name in _SOURCES),
]
