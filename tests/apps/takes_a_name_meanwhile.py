"""Imported by a thread while another one loads gevent, and needed by that one: see each_waits_for_the_other.py."""

import __main__

__main__.begun.release()
__main__.gevent_is_loading.acquire()
from socket import create_connection  # noqa: E402, F401
