"""``netprobe regions`` and ``netprobe endpoints``, as a person and a script meet them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from netprobe import catalog
from netprobe.cli import tables
from netprobe.cli.main import run
from netprobe.render.carry import COLUMNS

FACTS = catalog.load()


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestRegions:
    def test_the_table_has_every_region_and_fits_80_columns(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["regions"]) == 0
        lines = capsys.readouterr().out.splitlines()
        first = [line.split()[0] for line in lines if line]
        assert all(region.id in first for region in FACTS.regions)
        assert max(map(len, lines)) <= 80
        (china,) = [line for line in lines if line.startswith("cn-north-1 ")]
        assert china.endswith("refused")

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["regions", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["catalog"] == {"version": FACTS.version, "digest": FACTS.digest}
        by_id = {region["id"]: region for region in document["regions"]}
        assert by_id["us-gov-west-1"]["partition"] == {
            "id": "aws-us-gov",
            "dns_suffix": "amazonaws.com",
            "dual_stack_dns_suffix": "api.aws",
            "support": "unconfirmed",
        }
        assert by_id["us-east-2"]["description"] == "US East (Ohio)"

    def test_csv(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["regions", "--format", "csv"]) == 0
        found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert len(found) == len(FACTS.regions)
        assert {row["support"] for row in found} == {"documented", "unconfirmed", "refused"}


class TestEndpoints:
    def test_the_table_has_every_name_and_fits_80_columns(self, capsys: pytest.CaptureFixture[str]) -> None:
        # The longest region names there are, and every group.
        groups = ",".join(group.id for group in FACTS.groups)
        assert run(["endpoints", "-r", "ap-southeast-1,ap-northeast-3", "--with", groups]) == 0
        out = capsys.readouterr().out
        lines = out.splitlines()
        for region in ("ap-southeast-1", "ap-northeast-3"):
            for endpoint in FACTS.endpoints(region):
                assert f"  {endpoint.pattern}" in lines
        assert max(map(len, lines)) <= 80
        assert "\x1b" not in out

    def test_says_who_needs_it_and_what_the_asterisk_of_the_registry_is(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["endpoints", "-r", "us-east-2"]) == 0
        out = capsys.readouterr().out
        assert "ecs, port 443, required, for ecs-agent" in out
        assert "required where no numbered ecs-a exists" in out
        assert "ec2messages, port 443, optional since ssm-agent 3.3.40.0, for ssm-agent" in out
        assert "--account" in out
        assert run(["endpoints", "-r", "us-east-2", "--account", "210987654321"]) == 0
        out = capsys.readouterr().out
        assert "  210987654321.dkr.ecr.us-east-2.amazonaws.com" in out
        assert "--account" not in out

    def test_json_has_every_field_of_every_endpoint(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["endpoints", "-r", "us-east-2", "--fips", "--dualstack", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["regions"] == ["us-east-2"]
        by_id = {endpoint["id"]: endpoint for endpoint in document["endpoints"]}
        assert by_id["ecs"]["pattern"] == "ecs-fips.us-east-2.amazonaws.com"
        assert by_id["ecs-dualstack"]["pattern"] == "ecs-fips.us-east-2.api.aws"
        for endpoint in document["endpoints"]:
            assert set(endpoint) == set(catalog.Endpoint.__struct_fields__)

    def test_csv_has_a_row_an_endpoint(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["endpoints", "-r", "us-east-2", "--without", "logs,metrics", "--format", "csv"]) == 0
        found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [row["endpoint"] for row in found][-1] == "ecr-layers"
        assert tuple(found[0])[: len(COLUMNS)] == COLUMNS, "a change request has the same"
        assert found[0] == {
            "destination": "ecs.us-east-2.amazonaws.com",
            "port": "443",
            "protocol": "TCP",
            "source": "ECS Anywhere hosts",
            **dict.fromkeys(("site", "owner", "ticket", "expiry", "losses"), ""),
            "region": "us-east-2",
            "group": "control",
            "endpoint": "ecs",
            "required": "yes",
            "made by": found[0]["made by"],
            "used_by": "ecs-agent",
            "purpose": found[0]["purpose"],
            "note": found[0]["note"],
            "reference": "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html",
            "checked": "2026-11-23",
            "answer": "seen 2021-02-16: 200, empty, with x-amzn-RequestId",
            "answer_source": "https://github.com/AllanZhengYP/cors-test/blob/79b2242/output.md",
            "upgrade_answer": "",
            "upgrade_answer_source": "",
        }

    def test_same_request_same_bytes(self, capsys: pytest.CaptureFixture[str]) -> None:
        outputs = []
        for _ in range(2):
            assert run(["endpoints", "-r", "all", "--format", "json"]) == 0
            outputs.append(capsys.readouterr().out)
        assert outputs[0] == outputs[1]

    def test_what_is_unconfirmed_is_told_on_stderr_and_in_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["endpoints", "-r", "us-gov-west-1", "--format", "json"]) == 0
        captured = capsys.readouterr()
        assert "no AWS page confirms" in captured.err
        assert "no AWS page confirms" in json.loads(captured.out)["notes"][0]
        assert run(["endpoints", "-r", "us-gov-west-1", "--format", "csv", "-q"]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        assert "no AWS page" not in captured.out

    def test_own_endpoints_of_the_configuration(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "netprobe.toml").write_text(
            'region = ["us-east-2"]\n[[endpoint]]\nid = "harbor"\npattern = "harbor.corp.example"\n'
            'purpose = "=HYPERLINK(1)"\n'
        )
        assert run(["endpoints", "--format", "csv"]) == 0
        last = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))[-1]
        assert last["destination"] == "harbor.corp.example"
        assert last["purpose"] == "'=HYPERLINK(1)"
        assert run(["endpoints"]) == 0
        assert "own: named in your own files" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["-r", "cn-north-1"], ["cn-north-1", "does not register external instances"]),
            (["-r", "cn-foo-9"], ["cn-foo-9", "does not register external instances"]),
            (["-r", "us-east2"], ["us-east2", "us-east-2"]),
            (["-r", "us-east-2", "--with", "nope"], ["nope", "no such group"]),
            (["-r", "us-east-2", "--account", "1"], ["twelve digits"]),
            (["-r", "us-east-2", "--format", "xml"], ["xml", "table, json, csv"]),
            ([], ["--region"]),
        ],
    )
    def test_mistakes_are_one_line_and_exit_2(
        self, arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["endpoints", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        for word in words:
            assert word in captured.err


class TestCsv:
    @pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1"])
    def test_formulas_are_defused(self, cell: str) -> None:
        text = tables.csv_text(["head"], [[cell]])
        assert list(csv.reader(io.StringIO(text, newline=""))) == [["head"], [f"'{cell}"]]

    def test_everything_else_comes_back_as_it_was(self) -> None:
        cells = ["a,b", 'say "x"', "*.dkr.ecr", "", "a=b", "Zürich"]
        text = tables.csv_text(["h"] * len(cells), [cells])
        assert list(csv.reader(io.StringIO(text, newline="")))[1] == cells

    @pytest.mark.parametrize(("cell", "safe"), [("\t=1", r"\t=1"), ("\r=1", r"\r=1"), ("a\nb", r"a\nb")])
    def test_a_row_is_one_line(self, cell: str, safe: str) -> None:
        assert tables.csv_text(["head"], [[cell]]) == f"head\n{safe}\n"
