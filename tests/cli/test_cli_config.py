from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
import typer.main

from netprobe.cli import config, main
from netprobe.errors import UnreadableFileError, UsageError
from tests.support.cli import netprobe
from tests.support.some import some

SEEN: dict[str, Any] = {}


def probe(
    ctx: typer.Context,
    region: Annotated[list[str] | None, typer.Option("--region", "-r")] = None,
    timeout: Annotated[float | None, typer.Option("--timeout")] = None,
    concurrency: Annotated[int, typer.Option("--concurrency")] = 7,
    strict: Annotated[bool, typer.Option("--strict")] = False,
    expect: Annotated[list[str] | None, typer.Option("--expect")] = None,
    ca_file: Annotated[Path | None, typer.Option("--ca-file")] = None,
    report: Annotated[list[str] | None, typer.Option("--report")] = None,
) -> int:
    """Take every kind of option."""
    SEEN.clear()
    SEEN.update(
        region=region,
        timeout=timeout,
        concurrency=concurrency,
        strict=strict,
        expect=expect,
        ca_file=ca_file,
        report=report,
        endpoints=config.of(ctx).tables("endpoint"),
    )
    return 0


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    SEEN.clear()


def call(*arguments: str, name: str = "check") -> dict[str, Any]:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name)(probe)
    group = typer.main.get_group(app)
    config.complete(group.commands[name])
    group.main(args=[name, *arguments], prog_name="netprobe", standalone_mode=False)
    return SEEN


def write(text: str, name: str = "netprobe.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def test_the_command_line_wins_then_the_environment_then_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call()["concurrency"] == 7
    write("concurrency = 1\ntimeout = 2.5")
    assert (call()["concurrency"], SEEN["timeout"]) == (1, 2.5)
    monkeypatch.setenv("NETPROBE_CONCURRENCY", "2")
    assert (call()["concurrency"], SEEN["timeout"]) == (2, 2.5)
    assert (call("--concurrency", "3")["concurrency"], SEEN["timeout"]) == (3, 2.5)


def test_lists_switches_and_tables_of_the_file(tmp_path: Path) -> None:
    write('region = ["us-east-2", "eu-west-1"]\nstrict = true\nexpect = { images = "private", ssm = "public" }')
    seen = call()
    assert seen["region"] == ["us-east-2", "eu-west-1"]
    assert seen["strict"] is True
    assert seen["expect"] == ["images=private", "ssm=public"]
    write('region = "us-east-2"')
    assert call()["region"] == ["us-east-2"]


def test_lists_and_switches_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETPROBE_REGION", "us-east-2 eu-west-1")
    monkeypatch.setenv("NETPROBE_STRICT", "1")
    assert (call()["region"], SEEN["strict"]) == (["us-east-2", "eu-west-1"], True)
    monkeypatch.setenv("NETPROBE_STRICT", "false")
    assert call()["strict"] is False
    monkeypatch.setenv("NETPROBE_STRICT", "perhaps")
    with pytest.raises(UsageError, match="--strict perhaps: is a switch"):
        call()


def test_an_underscore_is_a_hyphen_and_both_at_once_are_refused() -> None:
    write('ca_file = "/x.pem"')
    assert call()["ca_file"] == Path("/x.pem")
    write('ca_file = "/x.pem"\nca-file = "/y.pem"')
    with pytest.raises(UsageError, match="ca-file is there twice"):
        call()


def test_paths_are_relative_to_the_file() -> None:
    Path("conf").mkdir()
    write('ca-file = "ca.pem"\nreport = ["junit=out.xml", "sarif=/abs.sarif"]', "conf/mine.toml")
    seen = call("--config", "conf/mine.toml")
    assert seen["ca_file"] == Path("conf/ca.pem")
    assert seen["report"] == ["junit=conf/out.xml", "sarif=/abs.sarif"]
    # A path of the command line is relative to the working directory, as everywhere.
    assert call("--config", "conf/mine.toml", "--ca-file", "ca.pem")["ca_file"] == Path("ca.pem")


def test_the_file_may_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write("concurrency = 9", "other.toml")
    monkeypatch.setenv("NETPROBE_CONFIG", "other.toml")
    assert call()["concurrency"] == 9


def test_a_command_has_a_table_of_its_own_which_wins() -> None:
    write("concurrency = 1\n[check]\nconcurrency = 2\n[render]\nconcurrency = 3")
    assert call()["concurrency"] == 2


def test_an_option_of_another_command_is_no_mistake_here() -> None:
    write('format = "json"\nconcurrency = 4')
    assert call()["concurrency"] == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("concurency = 1", "netprobe.toml: concurency: there is no such option; did you mean concurrency"),
        ("zzzzzz = 1", "netprobe.toml: zzzzzz: there is no such option; take it out"),
        ("[check]\nconcurency = 1", "concurency: there is no such option"),
        ('strict = "yes"', "netprobe.toml: strict: is a switch; write true or false"),
        ("concurrency = true", "netprobe.toml: concurrency: takes text or a number"),
        ("concurrency = [1, 2]", "netprobe.toml: concurrency: takes one value"),
        ('concurrency = "many"', "--concurrency many: is not a whole number"),
        ("concurrency = 1.5", "--concurrency 1.5: is not a whole number"),
        ("region = [[1]]", "netprobe.toml: region: takes text or a number"),
        ("region = ", "is not valid TOML"),
        ("a = 1\na = 2", "is not valid TOML"),
        ("endpoint = 5", "endpoint is not an array of tables"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(text: str, told: str) -> None:
    write(text)
    with pytest.raises(UsageError) as caught:
        call()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_endpoint_tables_reach_the_command() -> None:
    write('[[endpoint]]\nid = "harbor"\n[[endpoint]]\nid = "vault"')
    assert [table["id"] for table in call()["endpoints"]] == ["harbor", "vault"]


def test_a_file_that_is_not_there_or_too_large_or_not_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        call("--config", "none.toml")
    Path("bytes.toml").write_bytes(b"\xff")
    with pytest.raises(UnreadableFileError, match="is not valid TOML"):
        call("--config", "bytes.toml")
    monkeypatch.setattr(config, "MAX_BYTES", 4)
    write("# longer")
    with pytest.raises(UnreadableFileError, match="is larger than 4 bytes"):
        call()


def test_a_file_that_others_may_write_is_not_read_unasked() -> None:
    path = write("concurrency = 1")
    path.chmod(0o666)
    with pytest.raises(UnreadableFileError, match="another user may have written it"):
        call()
    assert call("--config", "netprobe.toml")["concurrency"] == 1


@pytest.mark.root
def test_a_file_of_another_user_is_not_read_unasked() -> None:
    from tests.support import need

    need.root()
    path = write("concurrency = 1")
    os.chown(path, 65534, 65534)
    with pytest.raises(UnreadableFileError, match="another user may have written it"):
        call()


def test_every_option_of_every_command_has_its_variable_and_no_two_keys_clash() -> None:
    for name in ("check", "regions", "endpoints", "host", "image", "lab"):
        for leaf in some(config._leaves(main.load_command(name))):
            keys = [config.key_of(parameter) for parameter in config._options(leaf)]
            assert len(keys) == len(set(keys))
            assert "config" in keys
            for parameter in config._options(leaf):
                assert parameter.envvar == f"NETPROBE_{config.key_of(parameter).replace('-', '_').upper()}"


def test_the_real_command_takes_its_region_from_either(tmp_path: Path) -> None:
    write('region = "cn-north-1"')
    assert "cn-north-1: Amazon ECS Anywhere" in netprobe("endpoints", cwd=tmp_path).err
    ended = netprobe("endpoints", "--format", "json", cwd=tmp_path, env={"NETPROBE_REGION": "us-east-2"})
    assert ended.code == 0
    assert '"us-east-2"' in ended.out
