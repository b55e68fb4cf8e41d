"""What decides whether programs of this Python are armed: variables, flags, folders, start-up files, other packages."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from typing import Any

from .._nearest import nearest
from .._spec import parse
from .._targets import STAND_INS
from ..reporting.unarmed import because, why

_VARIABLES = ("PYTHONCOOPPATCH", "PYTHONCOOPPATCH_REPORT", "PYTHONCOOPPATCH_REPORT_ARGS", "PYTHONCOOPPATCH_DEFER")
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # where the package is
_TO_ARM = " Set PYTHONCOOPPATCH=all to arm a program and its children."
# Each is the rest of a sentence that begins with the name.
_NEIGHBOURS = {
    "eventlet": "has a hub of its own. A program can use that or gevent's, not both",
    "uvloop": "waits in C. Its loop is made asyncio's own by the adapter uvloop: leave that in",
    "ddtrace": "works, also by ddtrace-run",
    "gunicorn": "serves many requests at once with the variable and --worker-class gthread or gevent",
    "newrelic": "hooks modules through wrapt, and sees them patched",
    "opentelemetry": "hooks modules through wrapt, and sees them patched",
}
_PROBE = """
import json, sys
from lazypatch._session import session
selection = session().selection
early = sorted(selection.early)
found = dict(early=early, wanted=len(selection.wanted))
try:
    import gevent
    hub = gevent.get_hub()
    found.update(gevent=gevent.__file__, loop=type(hub.loop).__module__, resolver=type(hub.resolver).__module__)
except BaseException as error:
    found.update(error=f"{type(error).__name__}: {error}")
print(json.dumps(found))
"""


def probe() -> dict[str, Any]:
    """What a child of this Python that is armed finds; empty if it cannot say."""
    import json

    environment = {**os.environ, "PYTHONCOOPPATCH": "all"}
    environment.pop("PYTHONCOOPPATCH_REPORT", None)
    flags = [word for word in subprocess._args_from_interpreter_flags() if word not in ("-I", "-E", "-s", "-S")]  # type: ignore[attr-defined]
    try:
        done = subprocess.run(
            [sys.executable, *flags, "-c", _PROBE], env=environment, capture_output=True, text=True, timeout=30
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found


def problems(probed: dict[str, Any]) -> list[str]:
    """What is wrong, with what to do; the likeliest cause first."""
    return [
        *_variables(),
        *_flags(),
        *_gevent(probed),
        *_copies(),
        *_folder(probed),
        *_early(probed),
    ]


def _variables() -> list[str]:
    found = []
    spec = os.environ.get("PYTHONCOOPPATCH", "")
    try:
        found += [f"PYTHONCOOPPATCH={spec}: {warning}" for warning in parse(spec).warnings] if spec else []
    except ValueError as error:
        found.append(f"PYTHONCOOPPATCH={spec}: {error}")
    for name in os.environ:
        near = nearest(name, _VARIABLES, 0.85)
        if near and name not in _VARIABLES:
            found.append(f"the variable {name} is set, which nobody reads; it is spelt {near}")
    return found


def _flags() -> list[str]:
    if "PYTHONCOOPPATCH" in os.environ and sys.flags.ignore_environment:
        return ["PYTHONCOOPPATCH is set, and -E or -I has Python ignore it: use -X cooppatch=SPEC"]
    if sys.flags.no_site:
        return ["-S has Python read no .pth file, so nothing outside the program can arm it: use python -m lazypatch"]
    return []


def _gevent(probed: dict[str, Any]) -> list[str]:
    found = []
    for name in ("gevent", "greenlet", "wrapt"):
        if not version(name):
            found.append(f"{name} is not installed for {sys.executable}: python -m pip install {name}")
    for name in ("gevent", "greenlet", "zope"):
        for ending in (".py", os.sep + "__init__.py"):
            if os.path.exists(name + ending):
                found.append(f"{name}{ending} in the current folder has the name of what gevent needs: rename it")
    if not found and "error" in probed:
        found.append(f"gevent cannot be used: {probed['error']}")
    return found


def _copies() -> list[str]:
    others = {
        os.path.realpath(folder or os.curdir)
        for folder in sys.path
        if os.path.isfile(os.path.join(folder, "lazypatch", "__init__.py"))
    } - {os.path.realpath(_HOME)}
    return [f"another copy of lazypatch is in {folder}, this one in {_HOME}: take one out" for folder in sorted(others)]


def _folder(probed: dict[str, Any]) -> list[str]:
    """Whether site reads our .pth file."""
    missing = [name for name in ("lazypatch.pth", "lazypatch.start") if not os.path.exists(os.path.join(_HOME, name))]
    folders = [os.path.realpath(folder) for folder in _site_folders()]
    instead = "put 'import lazypatch; lazypatch.enable()' into sitecustomize.py, or use python -m lazypatch"
    if probed.get("wanted") or sys.flags.no_site:
        return []
    if os.path.realpath(_HOME) not in folders:
        return [
            f"lazypatch is in {_HOME}, where Python reads no .pth file (--target, PYTHONPATH or a checkout do that), "
            f"so the variable does nothing: install it into {folders[0] if folders else 'site-packages'}, {instead}"
        ]
    if missing:
        return [
            f"{missing[0]} is missing in {_HOME}, so the variable does nothing: install lazypatch again, or {instead}"
        ]
    return [
        "a child with PYTHONCOOPPATCH=all was not armed, or did not start: run it with -v to see what its start does"
    ]


def _early(probed: dict[str, Any]) -> list[str]:
    early = [name for name in probed.get("early", ()) if name not in STAND_INS]
    if not early:
        return []
    by = "; ".join(start_up_files()) or "nobody who is seen"
    return [
        f"{', '.join(early)}: loaded before lazypatch.pth is read, by {by}. "
        "That is mended late, which is not as good: take it out, or import less there"
    ]


def _site_folders() -> list[str]:
    folders = list(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return folders


def start_up_files() -> list[str]:
    """The .pth and .start files that are read before ours and run code, each with that code's beginning."""
    found = []
    for folder in _site_folders():
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if name == "lazypatch.pth":
                break
            if name.endswith(".pth"):
                found += [f"{name} ({line})" for line in _code(os.path.join(folder, name))]
    return found


def _code(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            lines = [line.strip() for line in opened]
    except OSError:
        return []
    return [line if len(line) < 60 else line[:59] + "…" for line in lines if line.startswith(("import ", "import\t"))]


def customizations() -> dict[str, str]:
    """Where sitecustomize and usercustomize are."""
    found = {}
    for name in ("sitecustomize", "usercustomize"):
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin:
            found[name] = spec.origin
    return found


def armed() -> str:
    """What arms this process, if anything."""
    option = sys._xoptions.get("cooppatch")
    spec = os.environ.get("PYTHONCOOPPATCH", "")
    if any(type(finder).__module__ == "lazypatch._finder" for finder in sys.meta_path):
        by = (
            "-X cooppatch"
            if option is not None
            else f"PYTHONCOOPPATCH={spec}"
            if spec
            else "code, such as sitecustomize"
        )
        return f"This process is armed, by {by}."
    return f"This process is not armed{because()}" + ("" if why() else _TO_ARM)


def version(name: str) -> str:
    """Of the distribution *name*; "" if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def is_installed(module: str) -> bool:
    """Whether the top of *module* can be found; what is inside is not imported."""
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names:
        return False
    spec = PathFinder.find_spec(root)
    if spec is None or spec.submodule_search_locations is None or root == module:
        return spec is not None
    return PathFinder.find_spec(".".join(module.split(".")[:2]), spec.submodule_search_locations) is not None


def neighbours() -> dict[str, str]:
    """Other distributions that matter."""
    return {name: words for name, words in _NEIGHBOURS.items() if PathFinder.find_spec(name) is not None}
