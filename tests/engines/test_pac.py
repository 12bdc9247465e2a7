"""The PAC file in V8 (node), asked about every name of the corpus: it must decide as claimed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from netprobe.render import Rendered, render
from netprobe.render.model import Options
from tests.support import need
from tests.support.render_cases import CASES, ORIGIN, UNUSUAL, closed, ecs
from tests.support.render_corpus import corpus, spellings

pytestmark = pytest.mark.engine

_ENDPOINTS = (*CASES["wide"].endpoints, *ecs("ap-southeast-2"), *UNUSUAL)
_NAME = "ecs.us-east-2.amazonaws.com"
# Only the language, no function of a browser or of node: vm's context is empty.
_RUN = """
const fs = require("fs"), vm = require("vm");
const context = vm.createContext({});
vm.runInContext(fs.readFileSync(process.argv[1], "utf8"), context);
const asked = JSON.parse(fs.readFileSync(0, "utf8"));
console.log(JSON.stringify(asked.map(([url, host]) => context.FindProxyForURL(url, host))));
"""


def _rendered() -> Rendered:
    return render("pac", _ENDPOINTS, origin=ORIGIN, options=Options(), policy=closed("pac"))


def _find(folder: Path, text: str, asked: Sequence[tuple[str, str]]) -> list[str]:
    path = folder / "netprobe.pac"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(need.engine("node")), "-e", _RUN, str(path)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    assert set(found) <= {"DIRECT", "PROXY 127.0.0.1:9"}
    return found


def test_it_decides_as_claimed(tmp_path: Path) -> None:
    rendered = _rendered()
    questions = [(name, port) for name in corpus(_ENDPOINTS) for port in (443, 80, 8443)]
    found = _find(tmp_path, rendered.main, [(f"https://{name}:{port}/", name) for name, port in questions])
    decided = [way == "DIRECT" for way in found]
    assert decided == [rendered.lowered.admits(name, port) for name, port in questions]
    assert {True, False} == set(decided)


@pytest.mark.parametrize(
    ("url", "host", "admitted"),
    [
        (f"https://{_NAME}/path?x=1", _NAME, True),
        (f"wss://{_NAME}/", _NAME, True),
        (f"HTTPS://{_NAME}", _NAME, True),
        (f"http://{_NAME}/", _NAME, False),
        (f"http://{_NAME}:443/", _NAME, True),
        ("http://archive.ubuntu.com/", "archive.ubuntu.com", True),
        ("https://archive.ubuntu.com/", "archive.ubuntu.com", False),
        ("https://archive.ubuntu.com/x:80", "archive.ubuntu.com", False),
        (f"https://{_NAME}:443@evil.test/", "evil.test", False),
        (f"https://evil.test/{_NAME}", "evil.test", False),
        (f"https://{_NAME}./", f"{_NAME}.", False),
        (f"https://{_NAME}\n/", f"{_NAME}\n", False),
        ("https://[2001:db8::443]/", "2001:db8::443", False),
        ("https://constructor/", "constructor", False),
        *((f"https://{spelled}/", spelled, True) for spelled in spellings("ecs-a-7.us-east-2.amazonaws.com")),
    ],
)
def test_name_and_port_are_read_well(url: str, host: str, admitted: bool, tmp_path: Path) -> None:
    assert _find(tmp_path, _rendered().main, [(url, host)]) == ["DIRECT" if admitted else "PROXY 127.0.0.1:9"]


@pytest.mark.parametrize("case", CASES)
def test_it_is_plain_old_javascript(case: str, tmp_path: Path) -> None:
    """It loads in strict mode too, and defines nothing but names of its own."""
    given = CASES[case]
    text = render("pac", given.endpoints, origin=ORIGIN, options=given.options, policy=closed("pac")).main
    assert _find(tmp_path, f'"use strict";\n{text}', [("https://evil.test/", "evil.test")]) == ["PROXY 127.0.0.1:9"]
    code = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    assert not any(word in code for word in ("let ", "const ", "=>", "`"))
