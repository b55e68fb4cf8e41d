"""Child side of a run of a library's own tests: pytest, with each test's outcome written down as it comes.

``python pytest_recorder.py SETUP JOB``, as recorder.py is called; here the job's ``module`` holds pytest's arguments, and
SETUP is not used. A test that an earlier process has run, which it ended, is left out.
"""

import json
import os
import shlex
import sys
import tempfile
from typing import Any

import pytest
from recorder import Diary


class Recorder:
    """A plugin of pytest's that appends lines to the file of results, and takes out what is done or not asked for."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.note = Diary(job["results"]).note
        self.done, self.only = set(job["done"]), set(job["only"])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what is to run."""
        items[:] = [
            item for item in items if item.nodeid not in self.done and (not self.only or item.nodeid in self.only)
        ]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be imported."""
        if report.failed:
            self.note("fail", report.nodeid, report.longreprtext)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a test begins."""
        self.note("start", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of one of the three parts of a test."""
        if report.failed:
            self.note("fail", report.nodeid, report.longreprtext)
        elif report.skipped:
            self.note("pass" if hasattr(report, "wasxfail") else "skip", report.nodeid, report.longreprtext)
        elif report.when == "call":
            self.note("pass", report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that a test has ended."""
        self.note("stop", nodeid)


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    sys.path.append(sys.path[0])  # for worker processes, which import this file again
    sys.path[0] = os.getcwd()  # as `python -m pytest` has it
    if bool(given["spec"]) != ("lazypatch" in sys.modules):
        raise SystemExit("lazypatch is loaded" if not given["spec"] else "lazypatch is not loaded")
    arguments = [*shlex.split(given["module"]), "-q", "-o", "faulthandler_timeout=0"]
    # Some ask pytest's cache whether an earlier run crashed: each process gets a new one.
    arguments += ["-o", f"cache_dir={tempfile.mkdtemp(dir=os.path.dirname(given['results']))}"]
    arguments += ["--continue-on-collection-errors", "--tb=native"]  # others let Python 3.11 fail in ast, now and then
    recorder = Recorder(given)
    status = pytest.main(arguments, [recorder])
    recorder.note("done")
    # What failed is written down, and a run in which nothing was left has ended well.
    raise SystemExit(0 if status in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED) else int(status))
