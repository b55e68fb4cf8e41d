"""What asked for arming from outside, or why nothing is armed although something did."""

from __future__ import annotations

import os
import sys

_OFF = ("", "0", "off", "none", "false", "no")


def ignores_environment() -> bool:
    """Whether Python was told to. What PyInstaller has frozen has that flag, and nobody has asked for it."""
    return bool(sys.flags.ignore_environment) and not hasattr(sys, "frozen")


def why() -> str:
    """What can stand behind "because": why what was asked for was not obeyed, and what to write; "" if nobody asked."""
    package = sys.modules[__name__.partition(".")[0]]
    native = getattr(sys.modules.get("lazypatch._programs"), "native", "")
    if native:
        return f"this program is left native: {native}."
    option, variable = sys._xoptions.get("cooppatch"), os.environ.get("PYTHONCOOPPATCH", "")
    if str(option or variable).strip().lower() in _OFF:
        return ""
    if package._refused:
        return str(package._refused)
    asked = f"PYTHONCOOPPATCH={variable}" if option is None else "-X cooppatch"
    if option is None and ignores_environment():
        return f"Python was told to ignore {asked} (-E or -I). Write -X cooppatch={variable}."
    if package._done:
        return ""  # it was obeyed, and is over: or this is a subinterpreter
    folder = os.path.dirname(os.path.dirname(str(package.__file__)))
    if sys.flags.no_site:
        found = "-S has Python read no .pth file"
    elif getattr(sys, "frozen", False):
        found = "a frozen program reads no .pth file, and PyInstaller's hook for lazypatch is not in it"
    else:
        found = f"no .pth file is read in {folder}, where lazypatch is (it is no site-packages folder)"
    return (
        f"{asked} was not seen: {found}. Write 'import lazypatch; lazypatch.enable()' at the top of the program, "
        "or start it with python -m lazypatch."
    )


def because() -> str:
    """The end of a sentence that says that nothing is armed."""
    return f", because {reason}" if (reason := why()) else "."


def source() -> str:
    """What armed this process from outside, with its SPEC; nothing if code did."""
    package = sys.modules[__name__.partition(".")[0]]
    spec, where = package._requested()
    if spec and not package._refused:
        return str(where)
    words = sys.orig_argv
    return "python -m lazypatch" if "-m" in words and "lazypatch" in words else ""
