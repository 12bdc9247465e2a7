"""What the other engines run, run by them: Salt's master and minions, the AWS command line, cron with scp, busybox.

Each in a network namespace with a loopback and nothing else, where a server gives the one file of the release away;
what is written to the machine's own folders goes to an overlay that ends with the test. AWS's service itself is stood
in for by moto, which speaks its API; that Systems Manager accepts a document is not shown by it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.release import parts
from tests.release.test_release_fleet_engines import HERE, SCRIPT, ssm
from tests.support import need, netns, once
from tests.support.netns import Namespace

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]
OPTIONS = "--region us-east-2 --lab healthy --account 123456789012"
OVERLAY = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$PLACE"
for d in etc var usr/local; do
  mkdir -p "$PLACE/upper/$d" "$PLACE/work/$d"
  mount -t overlay overlay -o "lowerdir=/$d,upperdir=$PLACE/upper/$d,workdir=$PLACE/work/$d" "/$d"
done
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /srv
"""
"""A machine of one's own to write to; $PLACE is a folder that is covered by memory."""
SERVER = """
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


class Place:
    """A namespace in which ``https://localhost/netprobe`` is the one file."""

    def __init__(self, space: Namespace, onefile: Path, folder: Path) -> None:
        self.space, self.folder = space, folder
        self.url, self.sha256 = "https://localhost/netprobe", hashlib.sha256(onefile.read_bytes()).hexdigest()
        self.certificate = folder / "server.pem"
        (folder / "served").mkdir()
        shutil.copy2(onefile, folder / "served/netprobe")
        parts.run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "only.pem")),
        )
        self.certificate.write_text((folder / "only.pem").read_text() + (folder / "key.pem").read_text())
        space.start(
            *(sys.executable, "-c", SERVER, str(folder / "served"), str(self.certificate)),
            ready=lambda: space.listens(443),
            within=30,
            log=folder / "server.log",
        )

    @property
    def netprobe(self) -> str:
        return str(self.folder / "served/netprobe")

    def shell(self, script: str, *, timeout: float = 200, hostname: str = "one", **variables: str) -> str:
        """What a script says, run as a machine of its own with this network."""
        cover = self.folder / "cover"
        cover.mkdir(exist_ok=True)
        env = {
            **{"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), "PLACE": str(cover)},
            **{"CURL_CA_BUNDLE": str(self.folder / "only.pem"), "NETPROBE_CACHE": str(self.folder / "cache")},
            **variables,
        }
        words = [f"{name}={value}" for name, value in env.items()]
        done = self.space.run(
            *("env", "-i", *words, "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("bash", "-c", f"hostname {hostname}\n{OVERLAY}\ncd {self.folder}\n{script}"),
            timeout=timeout,
        )
        return str(done.stdout)


@pytest.fixture
def place(onefile: Path, tmp_path: Path) -> Iterator[Place]:
    need.programs("curl", "ip", "openssl")
    netns.sweep()
    space = Namespace(f"npt-{os.getpid()}-{next(netns._COUNTER)}-fleet")
    netns._ip("netns", "add", space.name)
    try:
        space.ip("link", "set", "lo", "up")
        yield Place(space, onefile, tmp_path)
    finally:
        space.delete()


def environment(factory: pytest.TempPathFactory, name: str) -> Path:
    built = os.environ.get(f"NETPROBE_TEST_{name.upper()}")
    if built:
        return Path(built)
    need.index()
    return once.environment(factory, name, "-r", str(Path(__file__).with_name(f"{name}.txt")))


@pytest.fixture(scope="session")
def salt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory, "salt")


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory, "aws")


def answer(text: str) -> dict[str, str]:
    """Host → verdict, of what ``netprobe fleet --format json`` says."""
    return {host["name"]: host["verdict"] for host in json.loads(text[text.index("{") :])["hosts"]}


SALT = """
# Salt puts its sockets below root_dir, whatever sock_dir says, and a socket's name has 108 bytes at most (unix(7)):
# pytest's folders have longer ones from its thousandth run on. /srv is memory of this test's own.
mkdir -p roots/netprobe pillar master
cp {here}/salt.sls roots/netprobe/init.sls
cp {here}/fetch-and-check.sh roots/netprobe
cat > master/master <<X
{{interface: 127.0.0.1, root_dir: /srv/master, user: root, auto_accept: true,
 file_recv: true, worker_threads: 2,
 file_roots: {{base: [{folder}/roots]}}, pillar_roots: {{base: [{folder}/pillar]}}}}
X
{salt}/salt-master -c master > master.log 2>&1 &
until grep -q ' 0100007F:119A ' /proc/net/tcp; do
  kill -0 $! || {{ cat master.log >&2; exit 9; }}
  sleep 0.2
done
call() {{
  mkdir -p $1
  printf '{{master: 127.0.0.1, root_dir: /srv/%s, id: %s, user: root}}' $1 $1 > $1/minion
  unshare --uts sh -c 'hostname $1; shift; exec "$@"' sh $1 {salt}/salt-call -c $1 --out json state.apply netprobe $2
}}
call web1 test=True > looked.json
test ! -e {folder}/kept-web1/report.json
for host in web1 web2; do call $host > $host.json; done
{netprobe} fleet /srv/master/var/cache/salt/master/minions --format json
"""


def test_salt_applies_the_state_and_the_master_has_the_reports(place: Place, salt: Path) -> None:
    """Two minions and their master, each with its own keys, and one minion without a master."""
    (place.folder / "pillar").mkdir()
    (place.folder / "pillar/top.sls").write_text("base: {'*': [netprobe]}\n")
    pillar = {"url": place.url, "sha256": place.sha256, "options": f"{OPTIONS} --label site=fra"}
    text = yaml.safe_dump({"netprobe": {**pillar, "directory": f"{place.folder}/kept-{{{{ grains['id'] }}}}"}})
    (place.folder / "pillar/netprobe.sls").write_text(text)
    values = {"here": HERE, "folder": place.folder, "salt": salt, "netprobe": place.netprobe}
    shown = place.shell(SALT.format(**values))
    assert answer(shown) == {"web1": "ready", "web2": "ready"}
    assert {host["site"] for host in json.loads(shown)["hosts"]} == {"fra"}
    (looked,) = json.loads((place.folder / "looked.json").read_text()).values()
    assert {state["result"] for state in looked.values()} == {None}, "test=True says what would be done"
    for host in ("web1", "web2"):
        (applied,) = json.loads((place.folder / f"{host}.json").read_text()).values()
        assert [state["__id__"] for state in applied.values() if state["result"]] == [
            "netprobe_script",
            "netprobe_check",
            "netprobe_report",
        ]
    alone: dict[str, object] = {
        "file_client": "local",
        "root_dir": "/srv/alone",
        "id": "alone",
        "user": "root",
    }
    alone |= {"file_roots": {"base": [f"{place.folder}/roots"]}, "pillar_roots": {"base": [f"{place.folder}/pillar"]}}
    (place.folder / "alone").mkdir()
    (place.folder / "alone/minion").write_text(yaml.safe_dump(alone))
    shown = place.shell(f"{salt}/salt-call --local -c alone --out json state.apply netprobe")
    (applied,) = json.loads(shown).values()
    assert {state["result"] for state in applied.values()} == {True}


def commands(page: str) -> list[str]:
    """The commands of a page."""
    block = re.findall(r"(?m)^    (.+)$", (HERE / page).read_text())
    return "\n".join(block).replace("\\\n", " ").splitlines()


AWS = """
export AWS_ENDPOINT_URL=http://127.0.0.1:5000 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y AWS_DEFAULT_REGION=us-east-2
export AWS_EC2_METADATA_DISABLED=true AWS_PAGER= PATH={aws}:$PATH
unset CURL_CA_BUNDLE
{aws}/moto_server -H 127.0.0.1 -p 5000 > moto.log 2>&1 &
until grep -q ' 0100007F:1388 ' /proc/net/tcp; do
  kill -0 $! || {{ cat moto.log >&2; exit 9; }}
  sleep 0.2
done
aws s3 mb s3://reports > made
ln -s {netprobe} /usr/local/sbin/netprobe
mkdir -p /var/lib/amazon/ssm/mi-1/inventory/custom
cp {here}/*.yaml .
"""


def test_the_aws_command_line_takes_the_documents_and_their_steps_store_the_report(place: Place, aws: Path) -> None:
    """The commands of the pages as they stand, but for what is somebody's own; then what the agent would run."""
    create, send, fetch = commands("ssm-run-command.md")
    deploy, again = commands("state-manager.md")
    send = send.replace("https://…", place.url).replace("Sha256=…", f"Sha256={place.sha256}")
    deploy = deploy.replace("https://…", place.url).replace("Sha256=…", f"Sha256={place.sha256}")
    assert "…" not in send + deploy
    [step] = ssm()["mainSteps"][0]["inputs"]["runCommand"]
    values = {"Url": place.url, "Sha256": place.sha256, "Options": f"{OPTIONS} --label site=fra", "Bucket": "reports"}
    values["Prefix"] = "netprobe"
    for name, described in ssm()["parameters"].items():
        assert re.fullmatch(described["allowedPattern"], values[name]), name
    (place.folder / "step.sh").write_text(re.sub(r"\{\{ (\w+) \}\}", lambda match: values[match[1]], step))
    script = f"""
{AWS.format(aws=aws, netprobe=place.netprobe, here=HERE)}
{create} > created.json
{send} > sent.json
{deploy} > deployed
aws cloudformation describe-stack-resources --stack-name netprobe > resources.json
CURL_CA_BUNDLE={place.folder}/only.pem sh step.sh > said
cp /var/lib/amazon/ssm/mi-1/inventory/custom/netprobe.json item.json
{fetch.replace("netprobe fleet reports", "netprobe fleet reports --format json > first.json")}
rm -r reports
{again.replace("netprobe fleet reports", "netprobe fleet reports --format json")}
"""
    shown = place.shell(script, hostname="mi-web1")
    assert answer(shown) == answer((place.folder / "first.json").read_text()) == {"mi-web1": "ready"}
    created = json.loads((place.folder / "created.json").read_text())["DocumentDescription"]
    assert {one["Name"] for one in created["Parameters"]} == set(ssm()["parameters"])
    sent = json.loads((place.folder / "sent.json").read_text())["Command"]["Parameters"]
    assert sent["Options"] == ["--region us-east-2 --label site=fra"]
    resources = json.loads((place.folder / "resources.json").read_text())["StackResources"]
    assert "AWS::SSM::Document" in {one.get("ResourceType") for one in resources}
    content = json.loads((place.folder / "item.json").read_text())["Content"]
    assert (content["Verdict"], content["Errors"]) == ("ready", "0")


CRON = """
mkdir -p /etc/netprobe /srv/netprobe/reports /run/sshd keys
install -m 755 {script} /usr/local/sbin/netprobe-fetch-and-check
ssh-keygen -q -t ed25519 -N '' -f /etc/netprobe/id_ed25519
ssh-keygen -q -t ed25519 -N '' -f keys/host
echo 'reports:x:1999:1999::/srv:/bin/sh' >> /etc/passwd
echo 'reports:x:1999:' >> /etc/group
chown reports /srv/netprobe/reports
echo '127.0.0.1 localhost controller.example' > /etc/hosts
echo "controller.example $(cut -d ' ' -f 1,2 keys/host.pub)" > /etc/ssh/ssh_known_hosts
echo 'restrict,command="internal-sftp -d /srv/netprobe/reports"' "$(cat /etc/netprobe/id_ed25519.pub)" > /srv/keys
cat > keys/sshd <<X
ListenAddress 127.0.0.1
HostKey {folder}/keys/host
AuthorizedKeysFile /srv/keys
StrictModes no
UsePAM no
PasswordAuthentication no
PidFile none
Subsystem sftp internal-sftp
X
/usr/sbin/sshd -e -f keys/sshd 2> sshd.log
sed -e 's|^17 4 |* * |' -e 's|^NETPROBE_SPREAD=.*|NETPROBE_SPREAD=1|' -e 's|^NETPROBE_URL=.*|NETPROBE_URL={url}|' \
  -e 's|^NETPROBE_SHA256=.*|NETPROBE_SHA256={sha256}|' \
  -e 's|^NETPROBE_OPTIONS=.*|NETPROBE_OPTIONS={options}|' {here}/netprobe.cron > /etc/cron.d/netprobe
echo 'CURL_CA_BUNDLE={folder}/only.pem' | cat - /etc/cron.d/netprobe > with && cp with /etc/cron.d/netprobe
chmod 644 /etc/cron.d/netprobe
cron -f -L 15 > cron.log 2>&1 &
for i in $(seq 400); do [ ! -s /srv/netprobe/reports/cron1.json ] || break; sleep 0.25; done
printf 'cron1\\ncron2\\n' > hosts.txt
[ -s /srv/netprobe/reports/cron1.json ] || cat sshd.log /var/lib/netprobe-fleet/report.json >&2
{netprobe} fleet /srv/netprobe/reports --expect hosts.txt --max-age 36h --format json || [ $? = 4 ]
! ssh -i /etc/netprobe/id_ed25519 -o BatchMode=yes reports@controller.example id > denied 2>&1 || exit 9
"""


def test_cron_checks_and_sends_the_report_with_a_key_that_may_do_nothing_else(place: Place) -> None:
    """Debian's cron reads the file, only its minute is changed; the receiver is a real sshd."""
    need.programs("cron", "sshd", "scp")
    values = {"script": SCRIPT, "folder": place.folder, "url": place.url, "sha256": place.sha256, "here": HERE}
    shown = place.shell(CRON.format(**values, options=OPTIONS, netprobe=place.netprobe), timeout=200, hostname="cron1")
    assert answer(shown) == {"cron1": "ready"}
    assert json.loads(shown)["missing"] == ["cron2"]
    assert "uid=" not in (place.folder / "denied").read_text()


def test_the_daemonsets_containers_fetch_and_check_in_a_root_of_busybox(place: Place, tmp_path: Path) -> None:
    """Both scripts as they stand; a root with busybox alone, as its image has it."""
    need.programs("busybox")
    [_, daemonset] = yaml.safe_load_all((HERE / "daemonset.yaml").read_text())
    spec = daemonset["spec"]["template"]["spec"]
    [fetch], [check] = spec["initContainers"], spec["containers"]
    root = tmp_path / "busybox"
    for name in ("bin", "proc", "work", "reports", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy2("/bin/busybox", root / "bin/busybox")
    for applet in ("sh", "sleep", "cp", "mv"):
        (root / "bin" / applet).symlink_to("busybox")
    script = fetch["command"][2].replace("/work/", f"{root}/work/")
    place.shell(
        f"busybox {' '.join(fetch['command'][:2])} '{script}'", NETPROBE_URL=place.url, NETPROBE_SHA256=place.sha256
    )
    variables = {one["name"]: one.get("value", "node1") for one in check["env"]} | {"NETPROBE_OPTIONS": OPTIONS}
    words = [f"{name}={value}" for name, value in variables.items()]
    inside = shlex.join(["env", "-i", *words, "/usr/sbin/chroot", str(root), "/bin/sh", *check["command"][1:]])
    enter = f"mount -t proc proc {root}/proc && exec {inside}"
    place.space.start(
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", enter),
        ready=(root / "reports/node1.json").exists,
        within=60,
        log=tmp_path / "check.log",
    )
    shown = place.shell(f"{place.netprobe} fleet {root}/reports --format json")
    [host] = json.loads(shown)["hosts"]
    assert (host["verdict"], host["labels"]["node"]) == ("ready", "node1")
