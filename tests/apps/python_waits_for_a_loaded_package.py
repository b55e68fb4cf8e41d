"""``p.a`` imports ``q.b``, which imports ``p.c``: no circle, yet importlib of Python 3.15 makes one of two threads.

The first begins with ``p.a`` and keeps the lock of ``p``; the second begins with ``q.b``, sees ``p`` half imported and
waits for that lock; the first then gets ``q.b`` half imported. Prints what the two imports raise.
"""

import sys

sys.dont_write_bytecode = True
import _thread
import faulthandler
import importlib.util

import pythons_own

faulthandler.dump_traceback_later(40, exit=True)
BODIES = {
    "p": "import __main__; __main__.let_the_other_come()",
    "p.a": "import q.b; taken = q.b.given",
    "p.c": "given = 1",
    "q": "",
    "q.b": "import p.c; given = p.c.given",
}


class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self, is_package="." not in name) if name in BODIES else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(BODIES[module.__name__], vars(module))


def let_the_other_come():
    begin.release()
    while not (pythons_own.bootstrap._blocking_on.get(others[0]) or ended.locked() is False):
        pass


def second():
    others.append(_thread.get_ident())
    begin.acquire()
    bring("q.b")
    ended.release()


def bring(name):
    try:
        __import__(name)
    except Exception as error:
        print(pythons_own.explains(error), type(error).__name__, error, flush=True)


sys.meta_path.insert(0, Finder())
begin, ended, others = _thread.allocate_lock(), _thread.allocate_lock(), []
begin.acquire()
ended.acquire()
pythons_own.watch()
_thread.start_new_thread(second, ())
while not others:
    pass
bring("p.a")
ended.acquire()
faulthandler.cancel_dump_traceback_later()
print("ok")
