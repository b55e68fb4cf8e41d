"""An import that importlib ends with an error, once, because another native thread waits for this one's module."""

import _frozen_importlib
import _thread
import sys

import lazypatch


class Once:
    """Stands, first on sys.meta_path, for the other thread's part in it; that thread is there until :meth:`end`."""

    def __init__(self, *names):
        self.names = names
        self.raised = []
        self._gate, self._ended = _thread.allocate_lock(), _thread.allocate_lock()
        self._gate.acquire()
        self._ended.acquire()
        lazypatch.get_original("_thread", "start_new_thread")(self._wait, ())
        while not _thread._count():
            pass
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name in self.names and name not in self.raised:
            self.raised.append(name)
            raise _frozen_importlib._DeadlockError(f"deadlock detected by _ModuleLock('{name}')")

    def _wait(self):
        self._gate.acquire()
        self._ended.release()

    def end(self):
        self._gate.release()
        self._ended.acquire()
