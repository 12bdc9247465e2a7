"""Has hatchling put man pages into the wheel: pip lays them under ``share/man``, where man(1) looks beside ``bin``.

The pages are made from the command tree, so whoever builds needs what netprobe needs to run. A release is built so. The
source distribution carries them ready made, for those who build a wheel of it; a wheel built from a checkout in an
environment of pip's own has none, and says so.
https://hatch.pypa.io/latest/plugins/build-hook/custom/ and /plugins/builder/wheel/ (shared_data), read 2026-11-28.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

READY = "man"
"""The folder of a source distribution that holds the pages."""
INSTALLED = "share/man/man1"


class ManPages(BuildHookInterface[BuilderConfig]):
    """Adds the pages to a wheel or a source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the pages to hatchling, before it builds (see BuildHookInterface)."""
        if version == "editable":
            return
        pages = self._pages()
        if self.target_name == "sdist":
            build_data["force_include"] |= {str(page): f"{READY}/{page.name}" for page in pages}
        else:
            build_data["shared_data"] |= {str(page): f"{INSTALLED}/{page.name}" for page in pages}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was written for this build."""
        if self._written is not None:
            self._written.cleanup()

    _written: tempfile.TemporaryDirectory[str] | None = None

    def _pages(self) -> list[Path]:
        ready = Path(self.root, READY)
        if ready.is_dir():
            return sorted(ready.glob("*.1.gz"))
        sys.path.insert(0, self.root)
        self._written = tempfile.TemporaryDirectory(prefix="netprobe-man-")
        try:
            from tests.release import manual, parts

            try:
                return manual.write(Path(self._written.name))
            except parts.BuildError as problem:
                self.app.display_warning(f"no man pages, which bear the day of the commit: {problem}")
        except ImportError as missing:
            self.app.display_warning(f"no man pages: {missing.name} is not installed where this is built")
        finally:
            sys.path.remove(self.root)
        return []
