"""Virtual environments of a test's own: lazypatch and, unless told otherwise, this Python's other packages."""

from __future__ import annotations

import importlib.metadata
import pathlib
import shutil
import sys
import venv
from typing import NamedTuple

import gevent

WATCHES = "a00_covered.pth"  # covered.py's, there while it measures; its name is before lazypatch.pth
PACKAGES = pathlib.Path(gevent.__file__).parent.parent  # the folder that gevent is installed in


class Environment(NamedTuple):
    """A virtual environment's interpreter and its site-packages."""

    python: str
    site: pathlib.Path


def installed(name: str) -> pathlib.Path:
    """Where the installed distribution of lazypatch put its file or folder *name*."""
    return pathlib.Path(str(importlib.metadata.distribution("lazypatch").locate_file(name)))


def make(folder: pathlib.Path, package: bool = True, others: bool = True) -> Environment:
    """A new environment in *folder* with lazypatch's start-up files, its *package*, and the *others* through a .pth."""
    venv.EnvBuilder(symlinks=sys.platform != "win32").create(folder)
    site = next(path for path in folder.rglob("site-packages") if path.is_dir())
    for name in ("lazypatch.pth", "lazypatch.start"):
        shutil.copy(installed(name), site)
    if package:
        shutil.copytree(installed("lazypatch"), site / "lazypatch", ignore=shutil.ignore_patterns("__pycache__"))
    for watches in PACKAGES.glob(WATCHES):
        shutil.copy(watches, site)
    if others:
        (site / "zz_packages.pth").write_text(f"{PACKAGES}\n")
    windows = sys.platform == "win32"
    return Environment(str(folder / ("Scripts/python.exe" if windows else "bin/python")), site)
