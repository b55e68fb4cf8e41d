"""What gevent would import at its start and use only in a report of an error: imported when it is first used."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def lighten(config: "Any") -> None:
    """Put off an import of gevent's.

    Every hub resolves ``format_context`` when it is made, though only a report of an error uses it. Its default,
    ``pprint.saferepr``, brings dataclasses, inspect, ast and dis: as much as a third of gevent itself.
    """
    setting: "Any" = getattr(config, "settings", {}).get("format_context")
    untouched = getattr(setting, "default", None) == "pprint.saferepr" and "value" not in vars(setting)
    if untouched and setting.environment_key not in os.environ:
        config.format_context = [_saferepr]


def _saferepr(value: object) -> str:
    from pprint import saferepr

    return saferepr(value)
