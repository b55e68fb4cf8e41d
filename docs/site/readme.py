"""README.md as a package index shows it: there is no docs/ beside it, so its links have to say where the repository is.

A release is built by a workflow, which knows. Anywhere else nobody does, and what was a link is its text.
"""

from __future__ import annotations

import os
import pathlib
import re
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"\[([^\]]+)\]\((?!\w+://)([^)\s]+)\)")


def _home() -> str:
    """Where the files of this version are; nothing if that is not known."""
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    version = os.environ.get("GITHUB_REF_NAME") or os.environ.get("GITHUB_SHA")
    return f"{server}/{repository}/blob/{version}/" if server and repository and version else ""


class Readme(MetadataHookInterface):  # type: ignore[misc]  # of a class that mypy is told not to follow
    """The readme of the distribution."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put it there."""
        home, text = _home(), pathlib.Path(self.root, "README.md").read_text(encoding="utf-8")
        linked = _LINK.sub(rf"[\1]({home}\2)" if home else r"\1", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": linked}
