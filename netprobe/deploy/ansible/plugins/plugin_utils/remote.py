# Copyright: the netprobe maintainers
# MIT, see LICENSE of netprobe
"""A host without Python: files are sent and fetched by the connection, all else is a line of POSIX shell."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import tempfile

from ansible.errors import AnsibleActionFail

_NOISE = re.compile(r"^(?:(?:Shared c|C)onnection to .* closed\.|Warning: Permanently added .*)\s*$", re.MULTILINE)
"""What ssh itself says on stderr: with a terminal (``-tt``) that is all, and the program's own words are on stdout."""
_BEGIN = "netprobe: what follows is the file"
UNSAFE_DIR = "is not a folder of the user that runs netprobe, or others may write to it"


class Remote:
    """What an action plugin does on its host."""

    def __init__(self, action):
        self._action = action
        self._connection = action._connection

    def run(self, command, become=True):
        """Run a line of shell; a dictionary with rc, stdout and stderr."""
        done = self._action._low_level_execute_command(command, sudoable=become)
        return {"rc": int(done.get("rc", 0)), "stdout": done.get("stdout", ""), "stderr": done.get("stderr", "")}

    def administer(self, command):
        """Run a line of shell that needs an administrator's programs, which no login shell has put on the PATH here."""
        return self.run("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; %s" % command)

    def must(self, command, what, become=True):
        """Run a line of shell that has to succeed."""
        done = self.run(command, become=become)
        if done["rc"] != 0:
            said = told(done)
            raise AnsibleActionFail("%s: %s" % (what, said or "exit code %d" % done["rc"]))
        return done["stdout"]

    @contextlib.contextmanager
    def scratch(self):
        """A folder of the user that connects; nothing of it is left."""
        made = self.must(
            "umask 077 && mktemp -d /tmp/netprobe.XXXXXXXXXX", "no folder for temporary files", become=False
        )
        path = made.strip().splitlines()[-1] if made.strip() else ""
        if not re.fullmatch(r"/tmp/netprobe\.[A-Za-z0-9]{10}", path):
            raise AnsibleActionFail("mktemp made something odd: %r" % path[:100])
        try:
            yield path
        finally:
            self.run("rm -rf -- %s" % shlex.quote(path), become=False)

    def text(self, path):
        """A text file, or None where there is none."""
        quoted = shlex.quote(path)
        # What is written last tells a file that is empty from one that is missing.
        command = "echo '%s'; if [ -f %s ]; then cat -- %s && echo && echo there; else echo missing; fi"
        done = self.run(command % (_BEGIN, quoted, quoted))
        if done["rc"] != 0:
            raise AnsibleActionFail("%s cannot be read: %s" % (path, told(done).removeprefix(_BEGIN).strip()))
        # A shell's greeting stands before it.
        text = done["stdout"].replace("\r\n", "\n").partition("%s\n" % _BEGIN)[2]
        lines = text.rstrip("\n").split("\n")
        if lines[-1] == "missing" and len(lines) == 1:
            return None
        return "\n".join(lines[:-1])

    def lend(self, local, place):
        """Copy a file of the controller into a scratch folder, and be sure of every byte; where it lies."""
        self._connection.put_file(local, place)
        seen = self.must("sha256sum %s" % shlex.quote(place), "no sha256sum on the host", become=False).split()
        if file_digest(local) not in seen:
            raise AnsibleActionFail("%s did not arrive whole" % local)
        return place

    def send(self, local, remote, mode):
        """Put a file of the controller under a name, whole or not at all, and be sure of every byte."""
        with self.scratch() as folder:
            place = self.lend(local, "%s/file" % folder)
            new = shlex.quote("%s.new" % remote)
            self.must(
                # What a full disk took of it goes again, or the disk stays full.
                "{ cp -- %s %s && chmod %s %s && mv -f -- %s %s; } || { rm -f -- %s; false; }"
                % (shlex.quote(place), new, mode, new, new, shlex.quote(remote), new),
                "%s cannot be written" % remote,
            )

    def send_text(self, text, remote, mode):
        """The same for a text."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            self.send(stream.name, remote, mode)

    def own_folder(self, path):
        """Make a folder that only its user writes to, or be sure that it is one; whether it was made."""
        quoted = shlex.quote(path)
        done = self.run(
            f"if [ -d {quoted} ] && [ ! -L {quoted} ]; then [ -O {quoted} ] && "
            f'[ -z "$(find {quoted} -prune -perm /022)" ] && echo there; '
            f"else umask 022 && mkdir -p -- {quoted} && echo made; fi"
        )
        said = done["stdout"].strip().splitlines()
        if done["rc"] != 0 or not said:
            why = told(done)
            raise AnsibleActionFail("%s %s" % (path, "cannot be made: %s" % why if why else UNSAFE_DIR))
        return said[-1] == "made"


def told(done, most=500):
    """What a command said about its failure, without what the connection says about its own end."""
    said = [_NOISE.sub("", done[stream]).strip() for stream in ("stderr", "stdout")]
    return "\n".join(one for one in said if one)[-most:]


def file_digest(path):
    """The SHA-256 of a file of the controller."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def for_machine(remote, given, what):
    """What is given for every host, or for the host's architecture (as ``uname -m`` says)."""
    if not isinstance(given, dict):
        return str(given)
    machine = remote.must("uname -m", "no uname on the host").strip().splitlines()[-1]
    if machine not in given:
        raise AnsibleActionFail("no %s is given for %s, only for %s" % (what, machine, ", ".join(sorted(given))))
    return given[machine]


def place_binary(remote, local, folder):
    """Have the one file on the host; its path, and whether it had to be sent."""
    if not os.path.isfile(local):
        raise AnsibleActionFail("%s is no file of the controller" % local)
    digest = file_digest(local)
    path = "%s/netprobe-%s" % (folder.rstrip("/"), digest[:32])
    remote.own_folder(folder)
    seen = remote.run("[ -x %s ] && sha256sum %s" % (shlex.quote(path), shlex.quote(path)))
    if seen["rc"] == 0 and digest in seen["stdout"].split():
        return path, False
    remote.send(local, path, "0755")
    return path, True
