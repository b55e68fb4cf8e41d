"""Around an import of gevent: signals and descriptors, files of the program in its way, a second import of it."""

import _signal  # type: ignore[import-not-found]  # the C module: signal is a target
import os
import sys
from _thread import _count

from ._look_up import own_folders
from ._targets import GEVENT_IS, in_main_interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

ONCE = ("gevent", "greenlet", "zope", "lazypatch")  # packages that must not be loaded twice


def in_the_way(armed: "list[str]") -> "list[tuple[str, str]]":
    """Names that gevent is made of, and files of the program that have them; *armed* is sys.path before the program."""
    return [
        (name, file)
        for folder in dict.fromkeys(own_folders(armed))
        if folder in sys.path
        for name in GEVENT_IS
        for file in (os.path.join(folder, name + ".py"), os.path.join(folder, name, "__init__.py"))
        if os.access(file, os.R_OK) and file != origin(name)
    ]


def origin(name: str) -> str:
    """The file of the loaded module *name*, or its folder."""
    module: "Any" = sys.modules.get(name)
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), name)


def try_descriptors() -> None:
    """Raise OSError where so few descriptors are left that a hub could not be made, or aborts the process."""
    found: list[int] = []
    try:
        while len(found) < 12:
            found += os.pipe()
    finally:
        for descriptor in found:
            os.close(descriptor)


def undisturbed(step: "Callable[[], Any]") -> "Any":
    """Take *step* without the garbage collector, which would look at each of many new objects several times.

    They live as long as the process, so they go to the oldest generation at once. Only where the collector was on
    and no other thread is there to notice: nothing else can run, or fork, meanwhile. Gives what *step* gives.
    """
    import gc

    if not gc.isenabled() or _count():
        return step()
    frozen = gc.get_freeze_count()
    try:
        gc.disable()
        result = step()
        if not frozen:  # else that is the program's, and stays so
            gc.freeze()
        return result
    finally:
        try:
            frozen or gc.unfreeze()  # type: ignore[func-returns-value]
        finally:
            gc.enable()


def unsignalled(step: "Callable[[], Any]") -> "Any":
    """Take *step*, an import of gevent's, and call the handlers of signals that came meanwhile after it.

    An import that Ctrl-C has stopped cannot always be done again: extension modules keep half of their state. Whoever
    presses it twice means it at once.
    """
    # Handlers run in the main thread, whatever is done here. A program in C may have put its own over Python's
    # (adapters/_own_handlers.py), which has no way back.
    if not (in_main_interpreter() and sys.orig_argv):
        return step()
    handlers: "dict[int, Any]" = {}
    kept: "list[int]" = []

    def keep(number: int, frame: "Any") -> "Any":
        kept.append(number)
        return handlers[number](number, frame) if kept.count(number) == 2 else None

    try:
        for number in _signal.valid_signals():
            handler = _signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                _signal.signal(number, keep)
        return step()
    finally:
        for number in sorted(handlers, reverse=True):
            if _signal.getsignal(number) is keep:
                _signal.signal(number, handlers[number])
        for number in [number for number in handlers if kept.count(number) == 1]:
            handlers[number](number, sys._getframe(1))


def known_spec(packages: "dict[str, ModuleType]", name: str) -> "ModuleSpec | None":
    """The way to the module *name* of *packages* that was loaded already and is not in sys.modules; None if none was.

    A program that puts sys.modules back to an earlier state would get a second gevent otherwise, with a hub, locks and
    threads of its own. A package keeps its submodules as attributes, so they can be found; the others are put back too.
    """
    package = packages[name.partition(".")[0]]
    found: "Any" = package
    kind = type(sys)
    for part in name.split(".")[1:]:
        found = vars(found).get(part) if isinstance(found, kind) else None
    real = getattr(found, "__spec__", None)
    # A module's own name may be that of its twin in C, which gevent copies into it.
    if real is None or not isinstance(found, kind) or not found.__name__.startswith(package.__name__):
        return None

    def create_module(spec: "ModuleSpec") -> "ModuleType":
        # Not while its finder is asked: importlib would take what it finds in sys.modules then for a failed import.
        for root, each in packages.items():
            _put_back(root, each)
        return found

    def exec_module(module: "ModuleType") -> None:
        module.__spec__ = real

    loader: "Any" = type(sys.implementation)
    spec: "ModuleSpec" = type(real)(name, loader(create_module=create_module, exec_module=exec_module))
    return spec


def _put_back(name: str, module: "ModuleType") -> None:
    sys.modules.setdefault(name, module)
    unread = getattr(sys.modules.get("lazypatch._unread"), "Unread", None)  # those are put back by their import
    for part, inner in list(vars(module).items()) if hasattr(module, "__path__") else ():
        if type(inner) is not unread and isinstance(inner, type(sys)) and inner.__name__ == f"{name}.{part}":
            _put_back(inner.__name__, inner)
