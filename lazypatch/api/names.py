"""The public names, and in which file each is: what ``import lazypatch`` need not load."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._errors import LazyPatchError, LazyPatchWarning
    from .._places import AdapterKind, Place, PlaceKind, Reference, State
    from ..adapters.drivers import Driver
    from ..reporting.records import (
        AdapterReport,
        Arming,
        ForeignCall,
        Import,
        ImporterKind,
        Install,
        Loading,
        LoadingKind,
        TargetReport,
        Verdict,
        VerdictKind,
    )
    from ..reporting.report import Report, report
    from ..stalls.cooperative import assert_cooperative
    from ..stalls.culprits import Stall
    from ..stalls.dumping import dump
    from .enabling import Handle, enable
    from .hooks import when_imported
    from .patching import (
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
    from .pooling import in_threadpool
    from .queries import exclude, get_original, is_module_patched, is_object_patched, original, state

__all__ = [
    "AdapterKind",
    "AdapterReport",
    "Arming",
    "Driver",
    "ForeignCall",
    "Handle",
    "Import",
    "ImporterKind",
    "Install",
    "LazyPatchError",
    "LazyPatchWarning",
    "Loading",
    "LoadingKind",
    "Place",
    "PlaceKind",
    "Reference",
    "Report",
    "Stall",
    "State",
    "TargetReport",
    "Verdict",
    "VerdictKind",
    "assert_cooperative",
    "dump",
    "enable",
    "exclude",
    "get_original",
    "in_threadpool",
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


def find(name: str) -> "Any":
    """What ``lazypatch.NAME`` is: imported now, and from now on in the package itself."""
    package = sys.modules[__name__.partition(".")[0]]
    if name == "__all__":
        return [*__all__, "__version__"]
    if name not in __all__:
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(f"{package.__name__}.{_home(name)}", fromlist=[name]), name)
    setattr(package, name, found)
    return found


_STALLS = {"Stall": "stalls.culprits", "assert_cooperative": "stalls.cooperative", "dump": "stalls.dumping"}


def _home(name: str) -> str:
    if name.startswith("patch_"):
        return "api.patching"
    if name.startswith("LazyPatch"):
        return "_errors"
    if name in ("Handle", "enable"):
        return "api.enabling"
    if name in ("Report", "report"):
        return "reporting.report"
    if name in _STALLS:
        return _STALLS[name]
    if name[:1].isupper():  # what a Report is made of; there are all of them
        return "reporting.records"
    return {"when_imported": "api.hooks", "in_threadpool": "api.pooling"}.get(name, "api.queries")
