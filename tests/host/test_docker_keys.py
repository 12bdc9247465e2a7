"""The table of keys is what a real dockerd says: it names every key that it does not know, and does not start.

Each file that is asked holds one key more that no dockerd knows, or one value that none takes, so it always ends there.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netprobe.host.packages import version as numbers
from netprobe.host.rules import dockerkeys
from tests.support import rootfs

pytestmark = pytest.mark.timeout(600)  # the first to ask makes a Debian
_NOBODYS = "nobodys-key"
_VALUES: dict[str, Any] = {"bool": True, "int": 1, "str": "x", "list": ["x"], "dict": {}, "any": []}
_WRONG: dict[str, Any] = {"bool": "yes", "int": "1", "str": 1, "list": "x", "dict": "x"}


def said(root: Path, config: dict[str, Any]) -> str:
    place = root / "tmp/daemon.json"
    place.write_text(json.dumps(config))
    command = [
        "chroot",
        str(root),
        "/usr/sbin/dockerd",
        "--config-file",
        "/tmp/daemon.json",
        "--data-root",
        "/tmp/none",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert not (root / "tmp/none").exists(), "it must end before it makes anything"
    return ended.stderr


@pytest.fixture(scope="module")
def docker(debian_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rootfs.clone(debian_root, tmp_path_factory.mktemp("docker") / "root")


def known_version(root: Path) -> tuple[int, ...]:
    shown = subprocess.run(["chroot", str(root), "/usr/sbin/dockerd", "--version"], capture_output=True, text=True,
                           timeout=60, check=True).stdout  # fmt: skip
    match = re.search(r"version (\S+?),", shown)
    assert match is not None
    return numbers(match[1])


@pytest.mark.root
@pytest.mark.engine
def test_dockerd_knows_the_keys_of_the_table(docker: Path) -> None:
    version = known_version(docker)
    config = dict.fromkeys(dockerkeys.KEYS, 1)
    answer = said(docker, {**config, _NOBODYS: 1})
    match = re.search(r"match any configuration option: (.+)", answer)
    assert match is not None, answer
    refused = set(match[1].strip().split(", "))
    keys = dockerkeys.KEYS.items()
    unknown = {name for name, key in keys if key.is_new_to(version) or key.is_gone_from(version)}
    assert refused == {_NOBODYS} | unknown


@pytest.mark.root
@pytest.mark.engine
def test_dockerd_takes_the_names_of_options_too(docker: Path) -> None:
    names = [name for name in dockerkeys.SINGULAR if name != "host"]
    answer = said(docker, {**dict.fromkeys(names, "x"), "proxies-of-others": {"debug": True}, _NOBODYS: 1})
    assert answer.strip().endswith(f"configuration option: {_NOBODYS}"), answer


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("key", ["debug", "mtu", "bridge", "dns", "log-opts"])
def test_dockerd_refuses_values_of_another_type(docker: Path, key: str) -> None:
    value = _WRONG[dockerkeys.KEYS[key].type] if key != "log-opts" else {"max-file": 3}
    assert dockerkeys.wrong_type(key, value)
    assert "cannot unmarshal" in said(docker, {key: value, "max-concurrent-downloads": -1})
    good = _VALUES[dockerkeys.KEYS[key].type] if key != "dns" else ["192.0.2.1"]
    assert not dockerkeys.wrong_type(key, good)
    assert "invalid max concurrent downloads" in said(docker, {key: good, "max-concurrent-downloads": -1})


@pytest.mark.root
@pytest.mark.engine
def test_dockerd_refuses_an_option_that_is_set_twice(docker: Path) -> None:
    place = docker / "tmp/daemon.json"
    place.write_text('{"hosts": ["unix:///tmp/none.sock"]}')
    command = ["chroot", str(docker), "/usr/sbin/dockerd", "--config-file", "/tmp/daemon.json", "-H", "fd://"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "specified both as a flag and in the configuration file: hosts" in ended.stderr
