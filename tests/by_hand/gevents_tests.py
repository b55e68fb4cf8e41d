"""gevent's own tests of its patching, as they are, without lazypatch and under PYTHONCOOPPATCH=gevent.

``python tests/by_hand/gevents_tests.py [--tests NAME ...] [--markdown FILE]``. Whatever passes without lazypatch has to pass
with it, unless EXCEPTIONS says why not. Exit status 1 otherwise, and when nothing passes without it.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.util
import pathlib
import re
import sys
import tempfile
import textwrap
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from recorded import interruptible, start, watch, write_section

PATTERNS = [
    "test__monkey*", "test___monkey_patching", "test__threading*", "test__order", "test__issue*", "test__subprocess*",
    "test__socket*", "test__ssl*", "test__select*", "test__os*", "test__queue*",
]  # fmt: skip
RETRIES = 2

NOT_FIRST = (
    "It asserts that nothing is patched before its own patch_all(). It fails in the same way when "
    "gevent.monkey.patch_all() was called before it."
)
COMPARES = (
    "It compares gevent's object with the native one, which it takes from the standard module, where gevent's stands. "
    "It fails in the same way when gevent.monkey.patch_all() was called before it."
)

# (file, test pattern) -> why it may fail under lazypatch.
EXCEPTIONS = {
    ("test__monkey_ssl_warning", "test_with_pkg_resources *"): NOT_FIRST,
    ("test__monkey_ssl_warning2", "test_ssl_subclass_and_module_reference *"): NOT_FIRST,
    ("test__monkey_ssl_warning3", "test_ssl_subclass_and_module_reference *"): NOT_FIRST,
    ("test__threading_monkey_in_thread", "test_patch_in_thread *"): NOT_FIRST,
    ("test__queue", "test_subscript *"): COMPARES,
    ("test__threading_no_monkey", "test_name *"): COMPARES,
    ("test__issue2013", "test_* (*TestHublessThreadSemaphore*)"): (
        "It takes native functions out of _thread and time before it patches; they are cooperative by then. It fails "
        "in the same way when gevent.monkey.patch_all() was called before it."
    ),
    ("test__selectors", "test_closing_fd_before_selecting *"): (
        "It closes a descriptor with the native os.close(); gevent's, which is installed, only defers that. It fails "
        "in the same way when gevent.monkey.patch_all() was called before it."
    ),
    ("test__subprocess", "test_subprocess_in_native_thread *"): (
        "It uses the native class Thread, which starts its threads through the globals of threading, and those are "
        "cooperative. It fails in the same way when gevent.monkey.patch_all() was called before it."
    ),
    ("test__monkey_module_run", "test_issue_302 *"): (
        "It runs a script without gevent.monkey and asserts that its sockets are native. The script inherits "
        "PYTHONCOOPPATCH."
    ),
}


class Result(NamedTuple):
    """What one run of one file came to. A script without unittest is one test."""

    ran: int  # without what was skipped
    failing: frozenset[str]  # the exit status stands for what no test names
    said: str

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return max(0, self.ran - len(self.failing))


def folder() -> pathlib.Path:
    """Where gevent's tests are."""
    spec = importlib.util.find_spec("gevent.tests")
    assert spec is not None and spec.origin is not None
    return pathlib.Path(spec.origin).parent


def names() -> list[str]:
    """The tests that concern patching."""
    found = sorted(path.stem for path in folder().glob("test_*.py"))
    return [name for name in found if any(fnmatch.fnmatchcase(name, pattern) for pattern in PATTERNS)]


def run(name: str, spec: str) -> Result:
    """Run ``python -m gevent.tests.NAME``, verbosely, in the folder that gevent's runner uses."""
    with tempfile.TemporaryDirectory(prefix="gevents", ignore_cleanup_errors=True) as temporary:
        log = pathlib.Path(temporary, "log")
        with log.open("wb") as file:
            status = watch(start(["-X", "faulthandler", "-m", f"gevent.tests.{name}"], folder(), file, spec), log)
        said = log.read_text(errors="replace")
    ran, skipped = re.findall(r"^Ran (\d+) test", said, re.M) or [1], re.findall(r"\bskipped=(\d+)", said)
    failing = set(re.findall(r"^(?:FAIL|ERROR): (.*?)(?: \[.*)?$", said, re.M))
    if status != 0 and not failing:
        failing = {"<hang>" if status is None else f"<exit status {status}>"}
    return Result(sum(map(int, ran)) - sum(map(int, skipped)), frozenset(failing), said[-3000:])


def worse(plain: Result, armed: Result) -> list[str]:
    """What passes in *plain* and not in *armed*."""
    result = sorted(armed.failing - plain.failing)
    return [*result, f"<ran {armed.ran} of {plain.ran}>"] if armed.ran < plain.ran else result


def excused(name: str, test: str) -> str:
    """Why *test* of the file *name* may fail under lazypatch; empty if nothing says so."""
    for (file, pattern), reason in EXCEPTIONS.items():
        if file == name and fnmatch.fnmatchcase(test, pattern):
            return reason
    return ""


def compare(name: str) -> tuple[Result, Result, list[str]]:
    """Both runs, and what is worse in the second; both are repeated before something counts."""
    counts: list[str] = []
    for _ in range(1 + RETRIES):
        plain, armed = run(name, ""), run(name, "gevent")
        counts = [test for test in worse(plain, armed) if not excused(name, test)]
        if not counts:
            break
    return plain, armed, counts


def markdown(rows: list[tuple[str, Result, Result]]) -> str:
    """The table for docs/conformance.md."""
    lines = [
        "| file | passed without lazypatch | with it | failing without it | with it | with it alone |",
        "|---|---|---|---|---|---|",
    ]
    for name, plain, armed in rows:
        failing = [plain.failing, armed.failing, armed.failing - plain.failing]
        lines.append(f"| {' | '.join(map(str, [name, plain.passed, armed.passed, *map(len, failing)]))} |")
    return "\n".join(lines) + "\n"


def exceptions() -> str:
    """What may fail with lazypatch alone, for docs/conformance.md."""
    named: dict[str, list[str]] = {}
    for (file, tests), reason in EXCEPTIONS.items():
        named.setdefault(reason, []).append(f"`{file}` `{tests}`")
    lines = [f"- {', '.join(tests)}: {reason}" for reason, tests in named.items()]
    return "\n".join(textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in lines) + "\n"


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", nargs="+", default=names())
    parser.add_argument("--markdown", type=pathlib.Path, help="put the table into this file")
    options = parser.parse_args(arguments)
    interruptible()
    rows, bad = [], 0
    for name in options.tests:
        plain, armed, counts = compare(name)
        rows.append((name, plain, armed))
        print(markdown(rows[-1:]).splitlines()[-1], flush=True)
        if counts:
            bad += 1
            print(*counts, armed.said, sep="\n", flush=True)
    if options.markdown:
        write_section(options.markdown, "gevent's tests: exceptions", exceptions())
        write_section(options.markdown, "gevent's tests, Python {}.{}".format(*sys.version_info), markdown(rows))
    return 1 if bad or not any(plain.passed for _, plain, _ in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
