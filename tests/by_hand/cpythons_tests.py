"""CPython's own tests as they are, module by module, under plain Python and under PYTHONCOOPPATCH=all.

``python tests/by_hand/cpythons_tests.py [--files NAME ... | --others] [--results FOLDER] [--markdown FILE]``. Nothing is adjusted and
nothing left out: plain Python is the oracle. What passes under it and not under lazypatch is run twice more before it counts.
Exit status 1 when a file ran no test, or when a test fails under lazypatch alone and ``cpythons_tests_explained.py`` does not
say why.
"""

from __future__ import annotations

import argparse
import importlib.util
import pathlib
import pkgutil
import sys
from concurrent.futures import ThreadPoolExecutor

import conformance
from beside_plain import Row, compare, markdown, problems, show, together
from recorded import Job, NotStored, Outcomes, Store, add_options, interruptible, write_section

WHICH = """
    test_os test_posix test_fcntl test_io test_file test_fileio test_pty test_signal test_select test_poll test_epoll
    test_selectors test_socket test_sqlite3 test_subprocess test_popen test_queue test_thread test_threading
    test_threading_local test_fork1 test_wait3 test_wait4 test_eintr test_compileall test_ssl test_httplib test_logging
    test_socketserver test_smtplib test_ftplib test_imaplib test_poplib test_urllib2_localnet test_xmlrpc test_wsgiref
    test_context test_contextlib test_time test_builtin test_exceptions test_sys test_gc test_weakref test_runpy test_import
    test_importlib test_sched test_robotparser test_telnetlib test_docxmlrpc test_asyncore test_asynchat test_shutil
    test_tempfile test_mailbox test_getpass test_readline test_cmd_line test_site test_atexit test_faulthandler
    test_asyncio test_multiprocessing_main_handling test_multiprocessing_fork test_multiprocessing_spawn
    test_multiprocessing_forkserver test_concurrent_futures
"""
FILES = WHICH.split()
# Of the others: what takes an hour or builds things, and what wants a screen.
LEFT_OUT = """
    test_bigmem test_curses test_gdb test_idle test_largefile test_lib2to3 test_peg_generator test_tcl test_tk test_tkinter test_tools
    test_ttk test_ttk_guionly test_ttk_textonly test_turtle test_zipfile64
"""
VERSION = "{}.{}".format(*sys.version_info)
HANGS_AFTER = 60  # seconds without a sign
# As regrtest does without -u, but for what costs time alone: what wants a network, a screen or gigabytes is skipped.
SETUP = "import test.support; test.support.use_resources = ['cpu', 'subprocess']"


def modules(file: str) -> list[str]:
    """The modules of the test file, or test package, *file*; with the package's own, if there are tests in it."""
    spec = importlib.util.find_spec("test." + file)
    found = conformance.modules(file)
    if spec is None or spec.origin is None or "test." + file in found:
        return found
    return ["test." + file, *found] if "TestCase)" in pathlib.Path(spec.origin).read_text(encoding="utf-8") else found


def others() -> list[str]:
    """All files and packages of the `test` package but those in FILES and LEFT_OUT."""
    package = importlib.util.find_spec("test")
    assert package is not None, "this Python comes without the standard library's own tests"
    found = {module.name for module in pkgutil.iter_modules(package.submodule_search_locations)}
    return sorted(name for name in found - {*FILES, *LEFT_OUT.split()} if name.startswith("test_"))


def column(name: str, store: Store, spec: str, attempt: int = 0) -> Outcomes:
    """The outcomes of the module *name*, plain or under *spec*, which its children inherit."""
    job = Job(name, SETUP, spec, armed_children=True, plain=True, idle_after=HANGS_AFTER)
    outcomes = store.run(f"{name}.{spec or 'plain'}.{attempt}", job)
    # What is in brackets belongs to the process, not to a test.
    return {f"{name}{test}" if test.startswith("<") else test: outcome for test, outcome in outcomes.items()}


def compare_module(file: str, name: str, store: Store, spec: str) -> Row:
    """Run one module of *file* in both columns."""
    return compare(file, lambda armed, attempt: column(name, store, spec if armed else "", attempt))


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", nargs="+", default=FILES, help="names of files and packages of the `test` package")
    parser.add_argument("--spec", default="all", help="what to put into PYTHONCOOPPATCH")
    add_options(parser)
    parser.add_argument("--others", action="store_true", help="all others; the table has those that differ")
    options = parser.parse_args(arguments)
    if options.others:
        options.files = others()
    interruptible()
    store = Store(options.results and options.results / VERSION, options.no_run)
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:
        waiting = {
            file: [pool.submit(compare_module, file, name, store, options.spec) for name in modules(file)]
            for file in options.files
            if importlib.util.find_spec("test." + file) is not None
        }
        for file, futures in waiting.items():
            try:
                rows.append(together(file, [future.result() for future in futures]))
            except NotStored:
                print(f"{file}: not run yet", flush=True)
                continue
            show(rows[-1])
    title, text = f"CPython's tests beside plain Python, {VERSION}", markdown(rows)
    if options.others:
        differ = [row for row in rows if row.alone or row.here_alone or row.flaky]
        total = f"{len(rows)} files with {sum(len(row.ran) for row in rows)} tests. These differ:"
        title, text = f"CPython's other tests beside plain Python, {VERSION}", f"{total}\n\n{markdown(differ)}"
    if options.markdown:
        write_section(options.markdown, title, text)
    return 1 if any(map(problems, rows)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
