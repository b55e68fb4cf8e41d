"""Run a statement that installs something, once; at every step of lazypatch, a copy of the process has a fault there.

Arguments: the fault's name; how much is loaded before (first: nothing, later: gevent, late: nothing is armed, and the
targets are loaded); which of every how many steps to try (3/10); the statement. The copies are made by the C library's
fork, so no at-fork handler runs in them; each goes on from the fault to the end of the statement, judges what is left,
and ends. What is lost is printed, then the number of steps, of copies, and of copies that lost something.
"""

import sys

assert not {"gevent", "socket", "threading", "signal", "selectors", "select", "subprocess", "queue"} & set(sys.modules)
import _signal
import _ctypes
import faulthandler
import gc
import importlib._bootstrap as bootstrap
import opcode
import os
import posix

import lazypatch
from lazypatch._session import session
from lazypatch._targets import STAND_INS, TARGETS

assert not {"gevent", "socket", "threading", "signal", "selectors", "select", "subprocess", "queue"} & set(sys.modules)
FOLDER = os.path.dirname(lazypatch.__file__) + os.sep
ROUNDS = 2  # of a loop


# ctypes itself imports threading, from 3.14 on.
class Int(_ctypes._SimpleCData):
    _type_ = "i"


class Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
    _restype_ = Int


fork = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "fork"))
FROZEN = gc.get_freeze_count()  # 3.12 itself keeps some
# After these instructions, and where a function begins, the interpreter looks for signals.
LOOKS = {
    number
    for name, number in opcode.opmap.items()
    if name.startswith("CALL") or name in ("RESUME", "JUMP_BACKWARD", "JUMP_ABSOLUTE")
}


def out_of_reach(file):
    """Lines of *file* at which nothing can be raised: a "try:", and what is between a "finally:" and its first call.

    A "with" is passed again on the way out, where nothing can be raised before the lock is let go.
    """
    cleaning_up = False
    for number, text in enumerate(map(str.strip, open(FOLDER + file)), 1):
        if cleaning_up or text == "try:" or text.startswith("with "):
            yield FOLDER + file, number
        cleaning_up = text == "finally:" or (cleaning_up and text == "try:")


OUT_OF_REACH = {line for file in os.listdir(FOLDER) if file.endswith(".py") for line in out_of_reach(file)}


class DoNotPatch(BaseException):
    """gevent's veto, by its name: gevent.events cannot be imported where gevent is not yet."""


def interrupt():
    _signal.raise_signal(_signal.SIGINT)  # where gevent is being imported, it waits for the end of that


def throw(error):
    raise error


FAULTS = {
    "ImportError": lambda: throw(ImportError("injected")),
    "MemoryError": lambda: throw(MemoryError("injected")),
    "DoNotPatch": lambda: throw(DoNotPatch("injected")),
    "KeyboardInterrupt": interrupt,
}


class Steps:
    """A trace function that counts the steps and makes the copies."""

    def __init__(self, fault, which, every):
        self.fault = fault
        self.interrupts = fault == "KeyboardInterrupt"
        self.which, self.every = which, every
        self.count = self.copies = 0
        self.lost = []
        self.place = ""  # where the fault is, in a copy
        self.last = {}  # frame -> the instruction before
        self.code = {}
        self.rounds = {}

    def __call__(self, frame, event, arg):
        code = frame.f_code
        if code.co_filename.startswith(FOLDER) and not left_out(frame):
            if self.interrupts:
                frame.f_trace_opcodes = True
                # A generator that is being closed is entered at its yield, and no signal is looked for.
                if code.co_code[max(frame.f_lasti, 0)] != opcode.opmap["YIELD_VALUE"]:
                    self.step(frame)
            return self.inside
        if code.co_name == "<module>" and frame.f_globals["__name__"].startswith("gevent"):
            self.step(frame)
        return None

    def inside(self, frame, event, arg):
        if not self.interrupts:
            if event == "line" and (frame.f_code.co_filename, frame.f_lineno) not in OUT_OF_REACH:
                self.step(frame)
        elif event == "opcode":
            code = frame.f_code
            if code not in self.code:
                self.code[code] = code.co_code
            before = self.last.get(frame)
            self.last[frame] = self.code[code][frame.f_lasti]
            if before in LOOKS:
                self.step(frame)
        elif event == "return":
            self.last.pop(frame, None)
        return self.inside

    def step(self, frame):
        if self.place:
            return  # this is a copy, and has had its fault
        if self.fault == "ImportError" and imports(frame, "fcntl"):
            return  # gevent.os takes any ImportError for "there is no fcntl here", and goes on with half of its names
        stack = tuple(lines(frame))
        self.rounds[stack] = self.rounds.get(stack, 0) + 1
        if self.rounds[stack] > ROUNDS:
            return
        self.count += 1
        if self.count % self.every != self.which:
            return
        sys.stdout.flush()
        pid = fork()
        if pid:
            self.copies += 1
            status = posix.waitpid(pid, 0)[1]
            if status:
                self.lost.append(self.count)
                if os.WIFSIGNALED(status):
                    print(f"{self.count} {place(frame)}: ended by signal {os.WTERMSIG(status)}", flush=True)
            return
        _signal.alarm(20)
        self.place = f"{self.count} {place(frame)}"
        FAULTS[self.fault]()


def left_out(frame):
    """A look-up is no step of an install; and inside importlib's own handling of its locks nothing may be raised."""
    if frame.f_code.co_name == "guarded":
        return True
    while frame is not None:
        if frame.f_code.co_filename.startswith(FOLDER):
            if frame.f_code.co_filename.endswith("_finder.py") and frame.f_code.co_name in (
                "find_spec",
                "_lock_of",
                "__getattr__",
                "_held",
                "__init__",
                "_hide_frames",
                "_unlocked",
            ):
                return True
            if frame.f_code.co_filename.endswith("_importlock.py") and frame.f_code.co_name not in (
                "install",
                "_look_before_waiting",
                "<module>",
            ):
                return True
            if frame.f_code.co_name == "guarded":
                return False  # below it everything is caught; above, arming is no step of an install
        frame = frame.f_back
    return True


def lines(frame):
    """Where each function of ours on the stack is: the same again is another round of a loop."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(FOLDER):
            yield frame.f_code, frame.f_lasti
        elif frame.f_code.co_name == "<module>":
            yield frame.f_code
        frame = frame.f_back


def imports(frame, name):
    """Whether the module *name* is being imported."""
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load" and frame.f_locals.get("name") == name:
            return True
        frame = frame.f_back
    return False


def place(frame):
    return f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {frame.f_code.co_name}"


def is_ours(value):
    module = getattr(value, "__module__", None) or type(value).__module__
    return str(module).startswith(("gevent", "greenlet", "lazypatch"))


def changing():
    """What changes in each target where there is no fault: found out in a copy."""
    read, write = posix.pipe()
    pid = fork()
    if pid:
        posix.close(write)
        text = open(read).read()
        assert not posix.waitpid(pid, 0)[1]
        return eval(text)
    for name in TARGETS:
        __import__(name)
    lazypatch.patch_all(Event=True)
    found = {}
    for name in TARGETS:
        assert lazypatch.state(name) in ("installed", "late"), name
        pairs = session().scheduler.originals._find(sys.modules[name])
        found[name] = [
            item
            for item in pairs.items
            if not is_ours(pairs.items[item])
            and (not hasattr(sys.modules[name], item) or is_ours(getattr(sys.modules[name], item)))
        ]
    posix.write(write, repr(found).encode())
    posix._exit(0)


def judge_targets(changes):
    """Each loaded target is wholly one or the other, and what is said of it is true."""
    for name, items in changes.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        state = lazypatch.state(name)  # who asks has it tried again first
        new = [item for item in items if not hasattr(module, item) or is_ours(getattr(module, item))]
        if new and new != items:
            yield f"{name} is half installed: without {sorted(set(items) - set(new))}"
        standins = name in STAND_INS and any(cell.module is module for cell in session().standins.cells.values())
        if bool(new) != (state in ("installed", "late")) or (state == "waiting" and not standins):
            yield f"{name} is {'installed' if new else 'native'} and called {state}"
        if lazypatch.is_module_patched(name) != (bool(new) or (state == "waiting" and standins)):
            yield f"is_module_patched({name!r}) lies: {state}"
        for item in items:
            if name not in ("os", "time", "_thread") and is_ours(lazypatch.get_original(name, item)):
                yield f"get_original({name!r}, {item!r}) is not the original"


def judge_the_rest():
    """No lock is held, no import is left half done, no wrapper of ours is left in a module."""
    for name, reference in list(bootstrap._module_locks.items()):
        if getattr(reference(), "owner", None) is not None:
            yield f"the import lock of {name} is held"
    blocking = getattr(bootstrap._blocking_on, "data", bootstrap._blocking_on)  # 3.13: lists behind weak references
    if any(value() if callable(value) else value for value in list(blocking.values())):
        yield "somebody waits for an import lock"
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "_initializing", False) and not name.startswith("fault"):
            yield f"{name} is half imported"
        if type(getattr(spec, "loader", None)).__module__.startswith("lazypatch"):
            yield f"{name} has our loader"
    if not gc.isenabled():
        yield "the garbage collector is off"
    if gc.get_freeze_count() != FROZEN:
        yield "objects are kept from the garbage collector"
    if type(sys.meta_path[0]).__module__ != "lazypatch._finder":
        yield f"sys.meta_path begins with {sys.meta_path[0]}"
    if session().made:
        scheduler = session().scheduler
        if scheduler.busy or scheduler.loading_thread:
            yield f"busy: {scheduler.busy} {scheduler.loading_thread}"
        if not scheduler.one_loader.acquire(False):
            yield "the lock of the loader is held"
        else:
            scheduler.one_loader.release()
        if scheduler.originals._lock._is_owned():
            yield "the lock of the registry is held"


def judge_use():
    """What is installed works."""
    import queue
    import socket
    import subprocess
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield "the main thread is a stranger"
    answers = queue.Queue()
    thread = threading.Thread(target=lambda: answers.put(threading.current_thread()))
    thread.start()
    thread.join(10)
    if answers.get(timeout=10) is not thread or thread.is_alive():
        yield "a thread does not work"
    left, right = socket.socketpair()
    left.sendall(b"x")
    if right.recv(1) != b"x":
        yield "a socket does not work"
    if subprocess.run(["true"]).returncode:
        yield "a child does not work"


def judge(fault, run, outcome, changes):
    expected = KeyboardInterrupt if fault == "KeyboardInterrupt" else type(None)
    if type(outcome) is not expected:
        yield f"the user got {outcome!r}"
    yield from judge_targets(changes)
    yield from judge_the_rest()
    if outcome is not None:
        run()
        yield from (f"after another try: {text}" for text in judge_targets(changes))
    lazypatch.patch_all(Event=True)
    for name in TARGETS:
        __import__(name)
    for name in TARGETS:
        if lazypatch.state(name) not in ("installed", "late"):
            yield f"after patch_all(): {name} is {lazypatch.state(name)}"
    yield from (f"after patch_all(): {text}" for text in [*judge_targets(changes), *judge_the_rest(), *judge_use()])


def main(fault, stage, share, statement):
    which, _, every = share.partition("/")
    faulthandler.register(_signal.SIGALRM, chain=True)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    changes = changing()
    if stage == "later":
        import threading
    elif stage == "late":
        assert not session().selection.wanted
        for name in TARGETS:
            __import__(name)
    assert ("gevent" in sys.modules) == (stage == "later")
    code = compile(statement, "<user>", "exec")
    run = lambda: exec(code, {"__name__": "user"})
    steps, outcome = Steps(fault, int(which), int(every)), None
    sys.settrace(steps)
    try:
        run()
    except BaseException as error:
        outcome = error
    sys.settrace(None)
    if steps.place:
        try:
            found = list(judge(fault, run, outcome, changes))
        except BaseException as error:
            import traceback

            traceback.print_exc()
            found = [f"{outcome!r}, and while judging: {error!r}"]
        for text in found:
            print(f"{steps.place}: {text}", flush=True)
        posix._exit(bool(found))
    assert outcome is None, outcome
    print(f"steps {steps.count} copies {steps.copies} lost {len(steps.lost)}")
    assert steps.copies and not steps.lost
    print("ok")


main(*sys.argv[1:])
