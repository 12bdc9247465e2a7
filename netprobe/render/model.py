"""What a target declares, and what lowering makes of endpoints for it.

A target is a module in ``netprobe.render.targets`` (see there how to add one) with a folder of templates beside it.
The module says what the device can express, *exactly*: the semantics of each :class:`Form` are those of
:meth:`Claim.admits`, and tests hold the real engine to them name by name. Types only; nothing here decides or prints.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from netprobe import addresses
from netprobe.catalog.model import Endpoint
from netprobe.hostnames import HostPattern


class Layer(StrEnum):
    """Where the target decides, which says what a client can do to get around it."""

    CONNECT = "connect"
    """The name in a client's CONNECT request (explicit proxy)."""
    SNI = "sni"
    """The server name in the TLS ClientHello (not authenticated: a client may say one name and reach another)."""
    DNS = "dns"
    """Which names resolve; a client that knows an address goes around it."""
    DNS_TO_IP = "dns→ip"
    """Addresses learned from DNS answers; names that share an address share its fate."""
    IP = "ip"
    """Addresses only; every name that shares an address is admitted too."""
    CLIENT = "client"
    """Advice to the client (PAC); it enforces nothing."""
    DOCUMENT = "document"
    """Something for people or other programs (a list, a ticket); it enforces nothing by itself."""


class Form(StrEnum):
    """One way to say which names, or addresses, are admitted. The value of an entry is given in brackets."""

    EXACT = "exact"
    """[name] this name and no other."""
    GLOB = "in-label-glob"
    """[pattern] a native glob whose asterisk stays inside its label (see ``Capability.empty_star``)."""
    REGEX = "regex"
    """[pattern] an anchored, case-insensitive regular expression made from the pattern; ``*`` is ``[a-z0-9-]+``."""
    GLOB_DOTS = "glob-crossing-dots"
    """[pattern] a glob whose asterisk also crosses dots."""
    ONE_LABEL = "one-label"
    """[parent] exactly one label in front of the parent; not the parent itself."""
    SUFFIX = "suffix"
    """[parent] one or more labels in front of the parent; not the parent itself."""
    SUBTREE = "subtree"
    """[name] the name itself and everything beneath it (see ``Capability.subtree_depth``)."""
    CONTAINS = "contains"
    """[pattern] every name that contains, anywhere, something that the pattern stands for (no anchors at all)."""
    ADDRESS = "address"
    """[network] every address of an IP network."""


class Dialect(StrEnum):
    r"""Regular-expression dialects. What we write (literals, ``\.``, ``[a-z0-9-]+``, anchors) means the same in all."""

    POSIX_ERE = "POSIX ERE"
    PCRE = "PCRE"
    RE2 = "RE2"
    JAVASCRIPT = "JavaScript"


class Comment(StrEnum):
    """How the target's language marks a comment; the value is put before each line."""

    HASH = "# "
    SEMICOLON = "; "
    BANG = "! "
    SLASHES = "// "
    XML = "<!-- "
    """``<!-- … -->`` around each line."""
    NONE = ""
    """The language has no comments; the header goes where the format has room for text (``header | json``)."""


class Need(StrEnum):
    """What would let the device say more. Messages name it in plain words; a command adds its own options."""

    ADDRESSES = "addresses"
    """Addresses, for a device that knows no names."""
    NAMES = "names"
    """The numbered names that exist."""
    WIDENING = "widening"
    """The permission to admit names that any customer can own."""
    ACCOUNT = "account"
    """The account of the registry."""


class DeviceCapability(msgspec.Struct, frozen=True, kw_only=True):
    """What a device can express.

    Attributes:
        forms: every form that it can express; lowering takes the most exact of them.
        regex: the dialect, where ``Form.REGEX`` is among the forms.
        empty_star: a native glob's asterisk also stands for nothing (``ecs-a-.us-east-2…``).
        glob_first_label_only: an asterisk may stand in the first label only.
        glob_hostnames_only: a native glob never admits a name with a label that begins or ends with a hyphen.
        glob_at_edge_only: an asterisk may stand at the beginning or the end of its label only.
        subtree_depth: how many labels deep ``SUBTREE`` reaches, or None for any depth.
        ports: whether a rule is bound to a port (otherwise the device admits the name on every port that it lets out).
        tls_only: it decides on the TLS server name, so plain HTTP (port 80), which has none, is refused.
        max_entries: how many entries it takes, or None where no limit is known.
        max_entry_length: the longest entry in characters, as it is written.
        max_name_length: the longest host name that it takes.
        public_names_only: it refuses names outside the public DNS, and one of them fails the whole request.
        min_literal: how many literal characters an entry must at least have in one piece.
        beyond: what the device admits besides, whatever its rules say; one sentence each.
        default_action: what happens to everything that no entry admits, where the file enforces.
    """

    forms: frozenset[Form]
    default_action: str
    beyond: tuple[str, ...] = ()
    regex: Dialect | None = None
    empty_star: bool = False
    glob_first_label_only: bool = False
    glob_hostnames_only: bool = False
    glob_at_edge_only: bool = False
    subtree_depth: int | None = None
    ports: bool = True
    tls_only: bool = False
    max_entries: int | None = None
    max_entry_length: int | None = None
    max_name_length: int | None = None
    public_names_only: bool = False
    min_literal: int = 0

    @property
    def addresses_only(self) -> bool:
        """Whether the device knows nothing of names."""
        return self.forms == {Form.ADDRESS}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which forms a target has, and for whom it can enforce.

    Attributes:
        clients: how it tells the clients that ``--source`` names apart; empty: it decides for every client.
        own_host: it is the host's own firewall, so without a source it decides about what this host sends.
        selector: it decides for the workloads that a label selects, so no source is asked for.
        additive: whether there is a form that only allows; otherwise ``instead`` says what to do.
        enforces: whether there is a form that also denies; a document has none.
        narrows: whether the form that only allows can be limited to ``--source``.
        every_port: whether it can deny what goes to other ports than the endpoints' (``--all-ports``).
        keeps: whether it can leave a network open that it would deny (``--keep``).
        sessions: what becomes of connections that are open when it is loaded.
        instead: what to do where a form is missing, one sentence.
        listens_by_ipv4: the form that denies listens by IPv4 alone.
        connects_by_ipv4: whatever the form, it connects by IPv4 alone.
    """

    sessions: str
    clients: str = ""
    own_host: bool = False
    selector: bool = False
    additive: bool = True
    narrows: bool = True
    enforces: bool = True
    every_port: bool = False
    keeps: bool = False
    instead: str = ""
    listens_by_ipv4: bool = False
    connects_by_ipv4: bool = False


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator types. Empty: the device has no such command, and the page says what to do instead.

    Attributes:
        check: check the file without loading it.
        load: load it for the first time.
        replace: replace the running one, whole or not at all.
        rollback: go back to the one before.
        add: load the form that only allows, where that is another command.
        remove: take the form that only allows out again, where that is another command.
    """

    check: str
    load: str
    replace: str
    rollback: str
    add: str = ""
    remove: str = ""


class ProofKind(StrEnum):
    """How much is proven of a target; the value is what people read."""

    RUN = "run"
    """The real engine loads the files in the tests, and is asked name by name."""
    LOADED = "loaded by the vendor's library"
    """The vendor's own library takes them; the device itself was never asked."""
    SCHEMA = "schema"
    """They fit the published schema; what the device makes of them is read in its documents."""
    READ = "read, not run"
    """A reader of the tests' own, written from the documents, decides as claimed; no part of the vendor's was run."""


class TargetProof(msgspec.Struct, frozen=True, kw_only=True):
    """By what the target's output is proven in the tests: the strongest that is given counts.

    Attributes:
        engine: the real engine, by name and version: ``squid 5.7 (Debian 12)``.
        library: the vendor's library that takes the output.
        schema: the published schema that it is held to.
        grammar: which documented grammar a reader of the tests' own follows.
    """

    engine: str = ""
    library: str = ""
    schema: str = ""
    grammar: str = ""

    @property
    def kind(self) -> ProofKind:
        """The strongest of what is given."""
        if self.engine:
            return ProofKind.RUN
        if self.library:
            return ProofKind.LOADED
        return ProofKind.SCHEMA if self.schema else ProofKind.READ

    @property
    def by(self) -> str:
        """What proves it, in words."""
        return self.engine or "; ".join(filter(None, (self.library, self.schema, self.grammar)))


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fact about the device stands, and when it was read (or run)."""

    where: str
    read: str


class Tool(StrEnum):
    """A tool that brings a target's rules to the device, by files of its own (``--as``)."""

    TERRAFORM = "terraform"
    ANSIBLE = "ansible"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An exact predicate of what an entry admits; tests compare it with the engine name by name.

    Attributes:
        form: what kind of statement it is.
        value: see the form.
        empty_star: see :class:`DeviceCapability`.
        hostnames_only: see ``glob_hostnames_only`` of :class:`DeviceCapability`.
        depth: the depth of a subtree, or None.
    """

    form: Form
    value: str
    empty_star: bool = False
    hostnames_only: bool = False
    depth: int | None = None

    def admits(self, name: str) -> bool:
        """Whether the entry admits ``name`` (any case, no trailing dot), or for ADDRESS the address ``name``."""
        name = name.lower()
        if self.hostnames_only and _HYPHEN_AT_AN_END.search(name):
            return False
        match self.form:
            case Form.EXACT:
                return name == self.value
            case Form.SUFFIX:
                return name.endswith("." + self.value) and name != "." + self.value
            case Form.SUBTREE:
                beneath = name.endswith("." + self.value) and self._deep_enough(name)
                return name == self.value or beneath
            case Form.ADDRESS:
                return _in_network(name, self.value)
            case Form.CONTAINS:
                return _expression(self).search(name) is not None
            case Form.ONE_LABEL | Form.GLOB | Form.REGEX | Form.GLOB_DOTS:
                return _expression(self).fullmatch(name) is not None

    def _deep_enough(self, name: str) -> bool:
        labels = name[: -len(self.value) - 1].count(".") + 1
        return self.depth is None or labels <= self.depth

    @property
    def pattern(self) -> HostPattern:
        """The claim as a host pattern (for the forms whose asterisk stays in its label)."""
        return HostPattern.parse("*." + self.value if self.form is Form.ONE_LABEL else self.value)

    def covers(self, other: Claim) -> bool:
        """Whether everything that ``other`` admits is admitted by this claim too (False where that is not sure)."""
        if self == other:
            return True
        if Form.CONTAINS in (self.form, other.form):
            return False
        if Form.ADDRESS in (self.form, other.form):
            return self.form is other.form and _within(other.value, self.value)
        if other.form is Form.EXACT:
            return self.admits(other.value)
        if self.form in _TREES:
            return self._covers_beneath(other)
        in_label = {Form.ONE_LABEL, Form.GLOB, Form.REGEX}
        same_star = self.empty_star or not other.empty_star
        return {self.form, other.form} <= in_label and same_star and self.pattern.covers(other.pattern)

    def _covers_beneath(self, other: Claim) -> bool:
        if self.depth is not None or other.form is Form.GLOB_DOTS:
            return self.depth is None and other.value.endswith("." + self.value)
        if other.form in _TREES and other.value == self.value:
            return self.form is Form.SUBTREE or other.form is Form.SUFFIX
        value = "*." + other.value if other.form in (Form.ONE_LABEL, Form.SUFFIX) else other.value
        return value.endswith("." + self.value)


_STARS = {
    Form.ONE_LABEL: "[^.]+",
    Form.GLOB: "[^.]+",
    Form.REGEX: "[a-z0-9-]+",
    Form.CONTAINS: "[a-z0-9-]+",
}
"""What an asterisk stands for where it stays inside its label: a device's own word, or the class that we write."""
_TREES = (Form.SUFFIX, Form.SUBTREE)
_HYPHEN_AT_AN_END = re.compile(r"(?:^|\.)-|-(?:\.|$)")


@functools.lru_cache(maxsize=4096)
def _expression(claim: Claim) -> re.Pattern[str]:
    if claim.form is Form.GLOB_DOTS:
        star = ".*" if claim.empty_star else ".+"
    else:
        star = _STARS[claim.form]
        if claim.empty_star and claim.form is Form.GLOB:
            star = "[^.]*"
    return re.compile(claim.pattern.regex(star))


def _in_network(address: str, network: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed in ipaddress.ip_network(network)


def _within(inner: str, outer: str) -> bool:
    one, two = ipaddress.ip_network(inner), ipaddress.ip_network(outer)
    if isinstance(one, ipaddress.IPv4Network) and isinstance(two, ipaddress.IPv4Network):
        return one.subnet_of(two)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(two, ipaddress.IPv6Network):
        return one.subnet_of(two)
    return False


class LossKind(StrEnum):
    """What became of a pattern that the device cannot express as it is."""

    WIDENED = "widened"
    ENUMERATED = "enumerated"
    ADDRESS = "address"
    """Said by addresses, which other names share and which change."""
    REFUSED = "refused"
    """Nothing was written for it."""


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Where the output says more, or less, than was asked for.

    Attributes:
        kind: what happened.
        endpoint: the endpoint's id.
        region: its region.
        pattern: what was asked for.
        required: whether the host is not ready without it.
        entry: what was written instead, in words of :class:`Form`; empty where nothing was written.
        explanation: one plain sentence.
        count: how many names (or addresses) it is about; None where there is no bound.
        unit: ``names`` or ``addresses``.
        exfiltration: it admits names that any AWS customer can own, so data can leave through it.
        needs: what would mend it.
    """

    kind: LossKind
    endpoint: str
    region: str
    pattern: str
    required: bool
    entry: str
    explanation: str
    count: int | None = None
    unit: str = "names"
    exfiltration: bool = False
    needs: tuple[Need, ...] = ()

    @classmethod
    def of(
        cls,
        endpoint: Endpoint,
        pattern: HostPattern,
        kind: LossKind,
        explanation: str,
        *,
        entry: str = "",
        count: int | None = None,
        unit: str = "names",
        exfiltration: bool = False,
        needs: tuple[Need, ...] = (),
    ) -> Loss:
        """The loss of a pattern of an endpoint; the rest are the attributes of that name."""
        return cls(
            kind=kind,
            endpoint=endpoint.id,
            region=endpoint.region,
            pattern=pattern.pattern,
            required=endpoint.required,
            entry=entry,
            explanation=explanation,
            count=count,
            unit=unit,
            exfiltration=exfiltration,
            needs=needs,
        )


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a rule admits.

    Attributes:
        claim: what exactly it admits.
        port: the TCP port.
        endpoints: which endpoints need it, ``REGION/ID``.
    """

    claim: Claim
    port: int
    endpoints: tuple[str, ...]

    @property
    def form(self) -> Form:
        """The claim's form."""
        return self.claim.form

    @property
    def value(self) -> str:
        """The claim's value."""
        return self.claim.value


class Lowered(msgspec.Struct, frozen=True, kw_only=True):
    """What lowering made of the endpoints: every endpoint is in an entry, in a loss, or in both."""

    entries: tuple[Admitted, ...]
    losses: tuple[Loss, ...]
    beyond: tuple[str, ...] = ()
    """What the device admits besides these entries, in sentences; no entry says it and no rule can take it away."""

    def admits(self, name: str, port: int | None = None) -> bool:
        """Whether any entry admits the name or address (on that port)."""
        return any(port in (None, e.port) and e.claim.admits(name) for e in self._of_kind(name))

    def _of_kind(self, name: str) -> tuple[Admitted, ...]:
        return tuple(e for e in self.entries if (e.form is Form.ADDRESS) == addresses.is_address(name))

    def has(self, form: Form, port: int | None = None) -> bool:
        """Whether an entry of that form exists (on that port)."""
        return any(entry.form is form and port in (None, entry.port) for entry in self.entries)

    @property
    def refused(self) -> tuple[Loss, ...]:
        """What was not written at all."""
        return tuple(loss for loss in self.losses if loss.kind is LossKind.REFUSED)


class SeenNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names that were seen for a pattern, and how they came to be known (``netprobe.lock``, ``--ecs-numbers``)."""

    names: tuple[str, ...]
    how: str


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses for devices that know no names.

    Attributes:
        how: where they come from and from when, in words.
        by_host: the addresses that each name resolved to.
        by_region: the published networks of each region; they hold far more than the endpoints.
    """

    how: str
    by_host: Mapping[str, tuple[str, ...]] | None = None
    by_region: Mapping[str, tuple[str, ...]] | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the user allows lowering to do.

    Attributes:
        exact: refuse everything that is not exact.
        allow_widening: also allow what admits names that any customer can own.
        enumerate: list the names that were seen rather than widen at all.
        seen: names seen for a numbered pattern, by pattern.
        addresses: for devices that know only addresses.
    """

    exact: bool = False
    allow_widening: bool = False
    enumerate: bool = False
    seen: Mapping[str, SeenNames] = msgspec.field(default_factory=dict)
    addresses: Addresses | None = None


DEFAULT_NAME = "netprobe"
"""The stem of every object, list and file unless ``--name`` says otherwise."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the output only allows, or also denies, and for whom.

    Attributes:
        enforce: also deny everything else, for ``sources``.
        sources: the networks of the hosts, canonical; empty: whoever the device serves.
        every_client: the user means every client of the device.
        all_ports: deny every port, not only those of the endpoints.
        keep: networks that stay open where everything is denied.
        name: the stem of the names of objects, lists and files.
    """

    enforce: bool = False
    sources: tuple[str, ...] = ()
    every_client: bool = False
    all_ports: bool = False
    keep: tuple[str, ...] = ()
    name: str = DEFAULT_NAME


def _always(lowered: Lowered) -> bool:
    return True


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One output file.

    Attributes:
        name: its fixed name (``allow.regex``); the stem ``netprobe`` in it follows ``--name``.
        template: the template, in ``templates/<target>/``.
        folder: the target whose template it is, where two share one; else the target's own.
        when: whether the file is written for these entries (some engines warn of an empty list).
        enforces: whether it belongs to the form that denies, to the one that does not, or (None) to both.
        scoped: whether it is written only where ``--source`` is given.
    """

    name: str
    template: str
    folder: str = ""
    enforces: bool | None = None
    scoped: bool = False
    when: Callable[[Lowered], bool] = _always


class Notation(msgspec.Struct, frozen=True, kw_only=True):
    """A target's rules in the language of a tool: other templates for the same entries, never another lowering.

    Attributes:
        title: the provider or the collection, for people.
        main: what goes to stdout or to ``-o FILE``: complete by itself.
        files: what goes into ``-o DIR``.
        commands: what an operator types.
        needs: what the tool must be told besides: variables, where the connection comes from; whole sentences.
        proof: by what the files are proven.
        sources: where the facts stand.
        lines: the target's own file whose lines the tool types, which templates see as ``lines`` and ``sections``.
    """

    title: str
    main: File
    files: tuple[File, ...]
    commands: Commands
    needs: tuple[str, ...]
    proof: TargetProof
    sources: tuple[Source, ...]
    lines: File | None = None


class TemplateContext(Protocol):
    """Further variables for the templates: ``Text`` (``render.text``), numbers, booleans, collections of them."""

    def __call__(self, lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy, /) -> Mapping[str, object]:
        """The variables for one output."""


def plain_context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy, /) -> Mapping[str, object]:
    """Nothing beyond the rules, which most targets assign as their ``context``."""
    return {}


class Target(Protocol):
    """A module of ``netprobe.render.targets``; a test holds every one of them to this."""

    NAME: str
    TITLE: str
    LAYER: Layer
    COMMENT: Comment
    CAPABILITY: DeviceCapability
    MAIN: File
    """What goes to stdout or to ``-o FILE``: complete by itself."""
    FILES: tuple[File, ...]
    """What goes into ``-o DIR``."""
    SCOPE: Scope
    COMMANDS: Commands
    PROOF: TargetProof
    SOURCES: tuple[Source, ...]

    context: TemplateContext
    """Further variables for the templates; ``plain_context`` where there are none."""
