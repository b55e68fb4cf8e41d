"""Lazy patching: gevent's cooperative objects, installed into each standard module exactly when it first loads.

The same system as ``gevent.monkey``, without its cost at every start and without "patch before you import". The
names here are resolved when they are first used: importing this package imports nothing else.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._api import (
        patch_all,
        patch_builtins,
        patch_contextvars,
        patch_dns,
        patch_module,
        patch_os,
        patch_queue,
        patch_select,
        patch_selectors,
        patch_signal,
        patch_socket,
        patch_ssl,
        patch_subprocess,
        patch_sys,
        patch_thread,
        patch_time,
    )
    from ._errors import LazyPatchError, LazyPatchWarning
    from ._handle import Handle, enable
    from ._queries import exclude, get_original, is_module_patched, is_object_patched, original, state
    from ._report import Report, report
    from ._wrapt import when_imported

__version__ = "0.1.0"

__all__ = [
    "Handle",
    "LazyPatchError",
    "LazyPatchWarning",
    "Report",
    "__version__",
    "enable",
    "exclude",
    "get_original",
    "is_module_patched",
    "is_object_patched",
    "original",
    "patch_all",
    "patch_builtins",
    "patch_contextvars",
    "patch_dns",
    "patch_module",
    "patch_os",
    "patch_queue",
    "patch_select",
    "patch_selectors",
    "patch_signal",
    "patch_socket",
    "patch_ssl",
    "patch_subprocess",
    "patch_sys",
    "patch_thread",
    "patch_time",
    "report",
    "state",
    "when_imported",
]


def _home(name: str) -> str:
    if name.startswith("patch_"):
        return "_api"
    if name.startswith("LazyPatch"):
        return "_errors"
    if name in ("Handle", "enable"):
        return "_handle"
    if name in ("Report", "report"):
        return "_report"
    return "_wrapt" if name == "when_imported" else "_queries"


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(f"{__name__}.{_home(name)}", fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})
