"""What MkDocs is told beside its configuration: pages that are not in docs/, and anchors as GitHub makes them."""

from __future__ import annotations

import pathlib
import re
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]
_ADDED = {"index.md": "README.md", "changelog.md": "CHANGELOG.md"}


def slug(heading: str, separator: str) -> str:
    """The anchor of *heading*: links that are right on GitHub are right here."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def on_config(config: Any) -> Any:
    """Have the headings named so."""
    config["mdx_configs"].setdefault("toc", {})["slugify"] = slug
    return config


def on_files(files: Any, config: Any) -> Any:
    """The first page is README.md, the changelog is a page, both with links as they are from docs/."""
    from mkdocs.structure.files import File

    for page, source in _ADDED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        text = re.sub(r"\]\(docs/", "](", text).replace("](CHANGELOG.md)", "](changelog.md)")
        files.append(File.generated(config, page, content=text))
    return files
