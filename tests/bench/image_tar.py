"""How long and how much memory ``netprobe image`` takes for a 2 GB root tar: under 10 s and 200 MB (not a test).

    python tests/bench/image_tar.py [FOLDER]

The tar is made in FOLDER (default: a temporary one): 70,000 files of 24 to 32 KB besides a small root, about 2 GB,
plain and with gzip -1. Seen on two cores shared by eight people on 2026-11-23: 6.9 s and 47 MB plain, 6.2 s and 47 MB
compressed.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

FILES = 70_000
LIMIT_SECONDS = 10.0
LIMIT_MEGABYTES = 200


def make(path: Path) -> None:
    """Write the tar."""
    noise = os.urandom(1 << 20)
    small = {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": b"Package: x\nStatus: install ok installed\nVersion: 1\n\n" * 2000,
    }
    with tarfile.open(path, "w") as archive:
        for name, data in small.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for number in range(FILES):
            info = tarfile.TarInfo(f"usr/lib/pkg{number // 500}/file{number}.so")
            info.size = 24_000 + (number % 9) * 1000
            archive.addfile(info, io.BytesIO(noise[: info.size]))


def measure(path: Path) -> bool:
    """Judge it in a process of its own, and tell time and peak memory."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "netprobe", "image", str(path), "-o", os.devnull], check=False)
    seconds = time.monotonic() - started
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    size = path.stat().st_size / 1e9
    sys.stdout.write(f"{path.name}: {size:.1f} GB, {seconds:.1f} s, {megabytes:.0f} MB, exit {done.returncode}\n")
    return seconds < LIMIT_SECONDS and megabytes < LIMIT_MEGABYTES


def main(folder: Path) -> int:
    """Run both forms."""
    plain = folder / "root.tar"
    make(plain)
    good = measure(plain)
    subprocess.run(["gzip", "-1", "-k", "-f", str(plain)], check=True)
    return 0 if measure(folder / "root.tar.gz") and good else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1])))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(Path(made)))
