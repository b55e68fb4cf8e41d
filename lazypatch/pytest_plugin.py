"""The pytest plugin: ``--cooppatch``, a marker that runs a test both ways, and the fixture ``assert_cooperative``.

Small, because every run of pytest loads it, also those that use nothing of it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

_CHILD = "PYTHONCOOPPATCH_BOTH_WAYS"  # set in the two runs of a test that has the marker


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.getgroup("lazypatch").addoption(
        "--cooppatch", metavar="SPEC", help="start pytest again under PYTHONCOOPPATCH=SPEC, such as all"
    )


def pytest_configure(config: pytest.Config) -> None:
    """One marker."""
    config.addinivalue_line("markers", "cooppatch(spec='all'): run the test plainly, and once more under this spec")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Before anything is captured or collected: late patching is what this is there to avoid."""
    spec = early_config.known_args_namespace.cooppatch
    if spec and _CHILD not in os.environ:
        _again(early_config, spec)
    return (yield)


def _again(config: pytest.Config, spec: str) -> None:
    if os.environ.get("PYTHONCOOPPATCH") == spec:
        if not any(type(finder).__module__ == "lazypatch._finder" for finder in sys.meta_path):
            raise pytest.UsageError(f"--cooppatch={spec}: PYTHONCOOPPATCH was not obeyed; 'lazypatch info' says why")
        return
    if list(config.invocation_params.args) != sys.argv[1:]:
        raise pytest.UsageError(f"--cooppatch is for the command line; set PYTHONCOOPPATCH={spec} for a program")
    os.environ["PYTHONCOOPPATCH"] = spec  # which xdist's workers inherit
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test with the marker runs in two pytests of its own."""
    marker = pyfuncitem.get_closest_marker("cooppatch")
    if marker is None or _CHILD in os.environ:
        return None
    spec = marker.args[0] if marker.args else marker.kwargs.get("spec", "all")
    for way in ("", spec):
        status, output = _run(pyfuncitem, way)
        if status:
            pytest.fail(f"{f'under PYTHONCOOPPATCH={way}' if way else 'plainly'}:\n{output}", pytrace=False)
    return True


def _run(item: pytest.Function, spec: str) -> tuple[int, str]:
    import subprocess

    environment = {**os.environ, _CHILD: "1", "PYTHONCOOPPATCH": spec}
    environment.pop("PYTEST_XDIST_WORKER", None)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={item.config.rootpath}"]
    words += ["-n0"] if item.config.pluginmanager.hasplugin("xdist") else []
    done = subprocess.run(
        [*words, item.nodeid], cwd=item.config.rootpath, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def assert_cooperative() -> Any:
    """``with assert_cooperative(max_ms):`` fails if its block stops all greenlets for that long."""
    from lazypatch import assert_cooperative

    return assert_cooperative
