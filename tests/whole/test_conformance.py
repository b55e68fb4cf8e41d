"""Tests that we did not write: CPython's and gevent's own, the part of them that fits the time. See docs/conformance.md."""

from __future__ import annotations

import fnmatch
import importlib.util

import beside_plain
import conformance
import cpythons_tests
import gevents_tests
import libraries_tests
import pytest
from recorded import Outcome, Store

INSTALLED = importlib.util.find_spec("test") is not None and importlib.util.find_spec("test.test_queue") is not None


@pytest.mark.skipif(not INSTALLED, reason="this Python comes without the standard library's own tests (package `test`)")
@pytest.mark.parametrize(
    "file",
    [
        "test_queue",
        "test_thread",
        "test_threading_local",
        "test_select",
        "test_selectors",
        "test_threading",
        "test_time",
        "test_functools",
    ],
)
def test_nothing_of_cpythons_fails_under_lazypatch_alone(file: str) -> None:
    assert conformance.problems(conformance.compare(file, ["native"])) == []


@pytest.mark.skipif(not INSTALLED, reason="this Python comes without the standard library's own tests (package `test`)")
@pytest.mark.parametrize("file", ["test_poll", "test_select", "test_epoll", "test_queue", "test_fcntl"])
def test_nothing_of_cpythons_fails_that_passes_under_plain_python(file: str) -> None:
    rows = [cpythons_tests.compare_module(file, name, Store(), "all") for name in cpythons_tests.modules(file)]
    assert rows
    assert beside_plain.problems(beside_plain.together(file, rows)) == []


def test_what_is_explained_names_suites_that_are_run() -> None:
    libraries = (*libraries_tests.LIBRARIES, *libraries_tests.WEB, *libraries_tests.DRIVERS)
    known = {*cpythons_tests.FILES, *(each.title for each in libraries)}
    known.add("test__xxsubinterpreters")  # is no more from Python 3.13 on
    known.update(cpythons_tests.others() if INSTALLED else ())
    unknown = [line.file for line in beside_plain.EXPLAINED if not fnmatch.filter(known, line.file)]
    # Without the package `test` nothing tells which of CPython's others there are.
    assert [name for name in unknown if INSTALLED or not name.startswith("test_")] == []


@pytest.mark.parametrize(
    "name", ["test__monkey", "test__monkey_queue", "test__monkey_select", "test__monkey_selectors", "test__order"]
)
def test_what_passes_of_gevents_passes_under_lazypatch(name: str) -> None:
    plain, armed, counts = gevents_tests.compare(name)
    assert plain.ran and armed.ran
    assert counts == [], armed.said


def test_every_exception_names_a_test_that_there_is() -> None:
    assert {file for file, _ in gevents_tests.EXCEPTIONS} <= set(gevents_tests.names())


def test_a_test_that_fails_or_does_not_run_under_lazypatch_alone_is_lost() -> None:
    passed, skipped, hung = Outcome("pass"), Outcome("skip"), Outcome("hang")
    gevent = {"good": passed, "bad": Outcome("fail"), "out": passed, "gone": passed, "stuck": passed, "no": skipped}
    lazy = {"good": passed, "bad": Outcome("fail"), "out": skipped, "stuck": hung, "no": skipped}
    assert conformance.lost(gevent, lazy).keys() == {"out", "gone", "stuck"}


def test_a_file_that_ran_no_test_is_a_problem() -> None:
    row = conformance.Row("test_x", {"a"}, set(), set(), {"native": set()}, {"native": {}}, set())
    assert len(conformance.problems(row)) == 1
    assert conformance.problems(row._replace(ran_lazily={"a"})) == []


def test_a_failure_under_lazypatch_alone_is_a_problem() -> None:
    row = conformance.Row("test_x", {"a"}, {"a"}, set(), {"native": {"a"}}, {"native": {"a": Outcome("fail")}}, set())
    assert len(conformance.problems(row)) == 1
