"""Imported by two threads: see a_circle_of_two_threads.py."""

from queue import Queue  # noqa: F401
