"""Where PyInstaller finds what it has to know of this package; nothing of it is loaded by a program."""

import os


def hook_dirs() -> "list[str]":
    """The folders with hooks, for the entry point ``pyinstaller40``."""
    return [os.path.dirname(os.path.abspath(__file__))]
