"""Words that a pipeline or a person has yet to fill in are no hosts, no accounts and no regions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netprobe.workload.images import RegistryKind, registry
from netprobe.workload.placeholders import is_host
from tests.support.cli import netprobe
from tests.workload.test_workload_needs import ecr, needed, patterns, task


def found(tmp_path: Path, text: str) -> dict[str, str]:
    """Each finding of these containers, by id, with its title."""
    (tmp_path / "t.json").write_text(text)
    ended = netprobe("workload", str(tmp_path / "t.json"), "--format", "json")
    return {one["id"]: one["title"] for one in json.loads(ended.out)["findings"]}


@pytest.mark.parametrize(
    "word",
    [
        "XXXXXXXXXXXX",
        "xxxxxxxxxxxx",
        "ACCOUNT_ID",
        "aws_account_id",
        "your-account-id",
        "123456789012",
        "000000000000",
        "AWSACCOUNT",
    ],
)
def test_what_stands_in_an_accounts_place_is_told(tmp_path: Path, word: str) -> None:
    """It was a registry of the user's own, probed and allowed by a name that nobody has."""
    text = task(image=f"{word}.dkr.ecr.us-east-2.amazonaws.com/app:1")
    assert patterns(needed(tmp_path, text, "t.json")) == ecr("*", "us-east-2")
    assert word.lower() in found(tmp_path, text)["image_unresolved"]


@pytest.mark.parametrize("account", ["111122223333", "444455556666", "098765432109"])
def test_an_account_is_none_of_them(tmp_path: Path, account: str) -> None:
    text = task(image=f"{account}.dkr.ecr.us-east-2.amazonaws.com/app:1")
    assert patterns(needed(tmp_path, text, "t.json")) == ecr(account, "us-east-2")
    assert "image_unresolved" not in found(tmp_path, text)


def test_the_dual_stack_name_is_read_alike() -> None:
    read = registry("XXXXXXXXXXXX.dkr-ecr.us-east-2.on.aws/app")
    assert (read.kind, read.account, read.region) == (RegistryKind.ECR, None, "us-east-2")


@pytest.mark.parametrize(
    "image",
    ["XXXXX.registry.example/app", "your-registry.example/app", "registry.<DOMAIN>/app", "CHANGEME.example:5000/a"],
)
def test_a_registry_that_is_to_be_filled_in_is_open(tmp_path: Path, image: str) -> None:
    assert patterns(needed(tmp_path, task(image=image), "t.json")) == set()
    assert "image_unresolved" in found(tmp_path, task(image=image))


def logging(driver: str, **options: str) -> str:
    return task(image="nginx", logConfiguration={"logDriver": driver, "options": options})


@pytest.mark.parametrize(
    "text",
    [
        logging("splunk", **{"splunk-url": "https://<SPLUNK_HOST>:8088"}),
        logging("splunk", **{"splunk-url": "https://your-splunk-host.example:8088"}),
        logging("gelf", **{"gelf-address": "udp://${GELF_HOST}:12201"}),
        logging("awslogs", **{"awslogs-endpoint": "https://XXXX.logs.example", "awslogs-region": "us-east-2"}),
        logging("awsfirelens", Name="http", Host="{{ log_host }}", Port="443"),
    ],
)
def test_a_log_host_that_is_to_be_filled_in_is_told(tmp_path: Path, text: str) -> None:
    """It was left out without a word, or probed by a name that nobody has."""
    plain = patterns(needed(tmp_path, task(image="nginx"), "p.json"))
    assert patterns(needed(tmp_path, text, "t.json")) == plain
    assert "host_unresolved" in found(tmp_path, text)


def test_a_named_log_host_is_probed(tmp_path: Path) -> None:
    text = logging("splunk", **{"splunk-url": "https://splunk.corp.example:8088"})
    assert "splunk.corp.example:8088" in patterns(needed(tmp_path, text, "t.json"))
    assert "host_unresolved" not in found(tmp_path, text)


@pytest.mark.parametrize("region", ["REGION", "<region>", "${AWS_REGION}", "xx-xxxx-x", "aws-region"])
def test_a_region_that_is_to_be_filled_in_is_the_users(tmp_path: Path, region: str) -> None:
    """It ended the command: there is no region of that name."""
    secret = f"arn:aws:secretsmanager:{region}:<account>:secret:x"
    text = task(
        image="nginx",
        logConfiguration={"logDriver": "awslogs", "options": {"awslogs-region": region}},
        secrets=[{"name": "A", "valueFrom": secret}],
    )
    assert {"logs.us-east-2.amazonaws.com", "secretsmanager.us-east-2.amazonaws.com"} <= patterns(
        needed(tmp_path, text, "t.json")
    )


@pytest.mark.parametrize(
    "host", ["splunk.your-server.de", "my-splunk", "logs.corp.example", "account.example", "xxx.example", "a.xxxxx"]
)
def test_what_somebody_may_have_is_a_host(host: str) -> None:
    assert not is_host(host)
