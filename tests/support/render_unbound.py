"""Run Unbound with a rendered file; its only way out is the test's own upstream server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support import need
from tests.support.render_dns import Asker, Upstream, serving
from tests.support.render_engine import Namespace, as_user, engine

HERE = "/etc/unbound/netprobe"


def write(folder: Path, files: Mapping[str, str], *, before: str = "") -> Path:
    """The files and an unbound.conf that includes ``netprobe.conf`` at its end, as the pages say."""
    for name, text in files.items():
        (folder / name).write_text(text.replace(HERE, str(folder)), encoding="utf-8")
    path = folder / "unbound.conf"
    path.write_text(
        f'server:\n  directory: "{folder}"\n  chroot: ""\n  username: "unbound"\n  pidfile: ""\n  use-syslog: no\n'
        "  verbosity: 1\n  num-threads: 1\n  interface: 127.0.0.1\n  do-not-query-localhost: no\n"
        '  local-zone: "test." transparent\n'  # RFC 6761's zones are closed by themselves; here the rules must do it
        f"{before}"
        f'include: "{folder}/netprobe.conf"\n'
        'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@5300\n'
        "remote-control:\n  control-enable: yes\n  control-use-cert: no\n"
        f"  control-interface: {folder}/control\n",
        encoding="utf-8",
    )
    return path


@contextlib.contextmanager
def running(space: Namespace, folder: Path, files: Mapping[str, str], upstream: Upstream) -> Iterator[Path]:
    """Unbound, answering at 127.0.0.1; gives the path of its configuration."""
    path = write(folder, files)
    as_user(folder, "unbound")
    argv = [str(need.engine("unbound")), "-d", "-c", str(path)]
    with serving(space, upstream), engine(argv, space=space, ready=Asker().ready, log=folder / "out.log"):
        yield path
