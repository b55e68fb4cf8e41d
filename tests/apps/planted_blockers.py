"""One call of each kind that stops every greenlet, each on a line of its own: tests/stalls/ looks for these lines."""

import ctypes
import gc
import re
import sqlite3
import sys
import time

import gevent

import lazypatch

native = lazypatch.original("time").sleep
native_threading = lazypatch.original("threading")
native_socket = lazypatch.original("socket")
native_select = lazypatch.original("select")
native_subprocess = lazypatch.original("subprocess")
libc = ctypes.CDLL(None)
holding_libc = ctypes.PyDLL(None)


def native_sleep():
    native(0.4)  # native_sleep


def pure_python():
    end = time.monotonic() + 0.8
    any(time.monotonic() > end for _ in iter(int, 1))  # pure_python


def regular_expression():
    re.match(r"(a+)+$", "a" * 24 + "b")  # regular_expression


def builtin_in_c():
    sum(range(50_000_000))  # builtin_in_c


def c_that_lets_the_lock_go():
    libc.usleep(400_000)  # c_that_lets_the_lock_go


def c_that_keeps_the_lock():
    holding_libc.usleep(400_000)  # c_that_keeps_the_lock


def native_lock():
    lock = native_threading.Lock()
    lock.acquire()
    lock.acquire(True, 0.4)  # native_lock


def native_receive():
    one, other = native_socket.socketpair()
    one.settimeout(0.4)
    try:
        one.recv(1)  # native_receive
    except TimeoutError:
        pass


def native_wait_for_descriptors():
    native_select.select([], [], [], 0.4)  # native_wait_for_descriptors


def native_child():
    native_subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.4)"])  # native_child


def busy_database():
    database = sqlite3.connect(":memory:")
    database.create_function("doze", 0, lambda: native(0.4))  # busy_database
    database.execute("select doze()").fetchall()


class Closes:
    def __del__(self):
        native(0.4)  # finalizer


def finalizer():
    one = Closes()
    one.itself = one
    del one
    gc.collect()


def property_():
    class Late:
        @property
        def value(self):
            return native(0.4)  # property_

    getattr(Late(), "value")


def generator():
    def numbers():
        yield 1
        native(0.4)  # generator
        yield 2

    list(numbers())


def greenlet_of_c_alone():
    gevent.spawn(native, 0.4).join()  # greenlet_of_c_alone


def callback_in_the_hub():
    def called():
        native(0.4)  # callback_in_the_hub

    gevent.get_hub().loop.run_callback(called)
    time.sleep(0.1)


def json_in_c():
    import json

    json.loads("[" + "1," * 10_000_000 + "1]")  # json_in_c


def sorting():
    sorted(range(1_500_000), key=lambda n: -n % 997)  # sorting


KINDS = [
    native_sleep, pure_python, regular_expression, builtin_in_c, c_that_lets_the_lock_go, c_that_keeps_the_lock,
    native_lock, native_receive, native_wait_for_descriptors, native_child, busy_database, finalizer, property_,
    generator, greenlet_of_c_alone, callback_in_the_hub, json_in_c, sorting,
]  # fmt: skip

if __name__ == "__main__":
    time.sleep(0.05)
    for kind in KINDS:
        kind()
        time.sleep(0.05)
    for stall in lazypatch.report().stalls:
        print(stall.culprit.line, stall.culprit.file, stall.longest_ms, stall)
