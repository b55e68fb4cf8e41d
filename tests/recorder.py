"""Child side of the conformance runs: import one test module, run it, and write down each test's outcome as it comes.

``python recorder.py SETUP JOB``: SETUP is a Python file that is executed before anything else is imported, JOB a JSON
object. Each outcome is one line of JSON, so that what was known before a hang or a crash is not lost.
"""

import os
import sys


def _set_up(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        source = file.read()
    # The names that gevent.testing.monkey_test has, which the source is taken from.
    exec(compile(source, path, "exec"), {"__name__": "gevent.testing.monkey_test", "__package__": "gevent.testing"})


if __name__ == "__main__":
    del sys.path[0]
    _set_up(sys.argv[1])

import faulthandler
import importlib.util
import json
import linecache
import time
import tokenize
import unittest
from types import ModuleType
from typing import Any


class Diary:
    """Appends to the results file; opened anew for each line, because tests close descriptors that are not theirs."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = os.getpid()
        self._open, self._write, self._close, self._getpid = os.open, os.write, os.close, os.getpid

    def note(self, what: str, test: str = "", text: str = "") -> None:
        """One line: *what* happened to *test*."""
        if self._getpid() != self.pid:  # a child that a test forked and that came back here
            return
        file = self._open(self.path, os.O_WRONLY | os.O_APPEND)
        self._write(file, json.dumps([what, test, text]).encode() + b"\n")
        self._close(file)


OUTCOMES = {
    "startTest": "start",
    "stopTest": "stop",
    "addSuccess": "pass",
    "addSkip": "skip",
    "addExpectedFailure": "pass",
    "addFailure": "fail",
    "addError": "fail",
    "addUnexpectedSuccess": "fail",
}


def record(diary: Diary) -> None:
    """Make every unittest result keep *diary*: whichever runner a module chooses, its results end in these methods."""
    for method, outcome in OUTCOMES.items():
        setattr(unittest.TestResult, method, _noting(getattr(unittest.TestResult, method), outcome, diary))
    add_subtest = unittest.TestResult.addSubTest

    def addSubTest(self: Any, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            diary.note("fail", test.id(), f"{subtest}\n{self._exc_info_to_string(err, test)}")
        add_subtest(self, test, subtest, err)

    setattr(unittest.TestResult, "addSubTest", addSubTest)


def _noting(method: Any, outcome: str, diary: Diary) -> Any:
    def noting(self: Any, test: Any, *args: Any) -> None:
        text = ""
        if args:
            text = args[0] if isinstance(args[0], str) else self._exc_info_to_string(args[0], test)
        diary.note(outcome, test.id(), text)
        method(self, test, *args)

    return noting


def leave_out(done: set[str], only: set[str]) -> None:
    """Do not run tests that an earlier process, which one of them ended, has run; nor others than *only*, if given."""
    run = unittest.TestCase.run

    def run_rest(self: Any, result: Any = None) -> Any:
        return None if self.id() in done or (only and self.id() not in only) else run(self, result)

    setattr(unittest.TestCase, "run", run_rest)


def prepare(name: str) -> None:
    """Import what *name* relies on others for."""
    if name.startswith("test.test_importlib."):
        # Some of its modules take sys.path away and expect that others have imported this, which invalidate_caches()
        # imports from 3.12 on; alone they fail on any Python.
        importlib.import_module("importlib.metadata")


def load_what_gevent_can(name: str) -> ModuleType:
    """Import *name* from its source without the tests that gevent's list takes out.

    The list names files. Some became packages in later Pythons; the list goes for all modules of such a package.
    """
    from gevent.testing.patched_tests_setup import disable_tests_in_source

    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None and spec.loader is not None
    with tokenize.open(spec.origin) as file:
        source = disable_tests_in_source(file.read(), name.split(".")[1])
    linecache.cache[spec.origin] = (len(source), None, source.splitlines(True), spec.origin)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source, spec.origin, "exec", dont_inherit=True), vars(module))
    setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
    return module


def run(module: ModuleType) -> None:
    """Run *module* as regrtest does."""
    test_main = getattr(module, "test_main", None)
    if test_main is not None:
        test_main()
    else:
        suite = unittest.TestLoader().loadTestsFromModule(module)
        unittest.TextTestRunner(sys.stderr, verbosity=0).run(suite)


def check(plain: bool, armed: bool) -> None:
    """Something is patched here, or nothing is, as it should be; else this run would compare nothing."""
    if not plain and not time.sleep.__module__.startswith("gevent."):
        raise SystemExit("nothing is patched here")
    if plain and armed != ("lazypatch" in sys.modules) or plain and not armed and "gevent" in sys.modules:
        raise SystemExit("lazypatch is loaded" if not armed else "lazypatch is not loaded")


def main(job: dict[str, Any]) -> None:
    """Do one job: ``results``, ``module``, ``done``, ``only``, ``armed_children``, ``plain``, ``spec``."""
    faulthandler.enable()
    check(job["plain"], bool(job["spec"]))
    if not job["armed_children"]:
        os.environ.pop("PYTHONCOOPPATCH", None)
    diary = Diary(job["results"])
    record(diary)
    leave_out(set(job["done"]), set(job["only"]))
    try:
        prepare(job["module"])
        run((importlib.import_module if job["plain"] else load_what_gevent_can)(job["module"]))
    except unittest.SkipTest as reason:
        diary.note("skip", job["module"], str(reason))
    except Exception as error:
        # test_main() reports what failed, or that nothing ran, by raising; that is written down already.
        if type(error).__name__ not in ("TestFailed", "TestFailedWithDetails", "TestDidNotRun"):
            import traceback

            diary.note("fail", job["module"], traceback.format_exc())
    diary.note("done")


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as job_file:
        given = json.load(job_file)
    sys.argv[1:] = []
    main(given)
