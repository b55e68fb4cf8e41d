"""Every distribution that is installed here, imported: ``python tests/by_hand/distributions.py [--jobs N] [NAME...]``.

Each module that a distribution brings at the top of its tree is imported in a child of its own, without lazypatch and under
``PYTHONCOOPPATCH=all``. Then both import the modules whose import lazypatch may put off, and say what these are. It has to
be the same: the same outcome of the import, real modules with the same names in them, and nothing that stands for another
object in the namespace of any module. Install a hundred distributions first. The exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib.metadata
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from conftest import clean_environment

CHILD = """
import sys, types, warnings
warnings.simplefilter("ignore")
try:
    __import__(sys.argv[1])
    print("imported")
except BaseException as error:
    print(type(error).__name__, str(error)[:200])
import zope.interface, logging, traceback, textwrap, re, signal
for module in (zope.interface, logging, traceback, textwrap, re, signal):
    assert sys.modules[module.__name__] is module
    print(module.__name__, type(module).__name__, getattr(module.__spec__, "_initializing", False), *sorted(vars(module)))
kinds = ("lazypatch._unread", "lazypatch._standins")
for name, module in sorted(sys.modules.items()):
    if isinstance(module, types.ModuleType) and not name.startswith("lazypatch"):
        if type(module).__module__ in kinds:
            print("stands in:", name)
        for item, value in list(vars(module).items()):
            if type(value).__module__ in kinds:
                print("stands in:", name, item)
"""


def brought(names: list[str]) -> list[tuple[str, str]]:
    """The distributions and their modules, all or those of *names*."""
    found = {
        (distribution, module)
        for module, distributions in importlib.metadata.packages_distributions().items()
        for distribution in distributions
        if module.isidentifier() and module not in ("lazypatch", "__pycache__") and (not names or distribution in names)
    }
    return sorted(found)


def look(module: str, spec: str) -> str:
    """What the child says, or how it ended."""
    environment = clean_environment(**({"PYTHONCOOPPATCH": spec} if spec else {}))
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, module], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=120,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "hangs"
    return done.stdout if not done.returncode else f"ended with {done.returncode}\n{done.stdout}{done.stderr[-2000:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("names", nargs="*", help="only these distributions")
    options = parser.parse_args()
    rows, different = brought(options.names), 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        columns = pool.map(lambda row: (look(row[1], ""), look(row[1], "all")), rows)
        for (distribution, module), (plain, armed) in zip(rows, columns, strict=True):
            if plain != armed:
                different += 1
                new = [line for line in armed.splitlines() if line not in plain.splitlines()]
                old = [line for line in plain.splitlines() if line not in armed.splitlines()]
                print(f"{distribution}: import {module}", *("  plain  " + line[:300] for line in old), sep="\n")
                print(*("  armed  " + line[:300] for line in new), sep="\n", flush=True)
    count = len({distribution for distribution, _ in rows})
    print(f"{count} distributions, {len(rows)} modules: {different} differ")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
