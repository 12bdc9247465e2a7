"""What a template sees: entries, losses and endpoints whose every string was validated.

Lowering and the catalog are not trusted to have done it: each field is checked again here, by its type.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from netprobe.catalog.model import Endpoint
from netprobe.render import text
from netprobe.render.model import Admitted, Form, Loss
from netprobe.render.text import Text


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as a template may print it.

    Attributes:
        name: the entry's value: a name, a pattern, or a parent; of an address entry, the network.
        regex: the anchored expression; ``body`` is the same without anchors (REGEX and CONTAINS entries, else empty).
        port: the TCP port.
        why: which endpoints need it, for a comment.
        form: the form's word.
        version: 4 or 6 for an address, else 0.
    """

    name: Text
    regex: Text
    body: Text
    port: int
    why: Text
    form: Text
    version: int

    @classmethod
    def of(cls, entry: Admitted) -> EntryView:
        """Validate every field again, by type; lowering is not trusted to have done it."""
        address = entry.form is Form.ADDRESS
        name = text.network(entry.value) if address else text.name(entry.value)
        expression = entry.form in (Form.REGEX, Form.CONTAINS)
        return cls(
            name=name,
            regex=text.regex(entry.value) if expression else Text(),
            body=text.regex(entry.value, anchored=False) if expression else Text(),
            port=int(entry.port),
            why=text.words(" ".join(entry.endpoints)),
            form=text.words(entry.form),
            version=0 if not address else (6 if ":" in name else 4),
        )


class LossView(msgspec.Struct, frozen=True, kw_only=True):
    """A loss as a template may print it (documents: csv, json, yaml)."""

    kind: Text
    endpoint: Text
    region: Text
    pattern: Text
    explanation: Text
    exfiltration: bool

    @classmethod
    def of(cls, loss: Loss) -> LossView:
        """Make every field safe."""
        return cls(
            kind=text.words(loss.kind),
            endpoint=text.words(loss.endpoint),
            region=text.words(loss.region),
            pattern=text.name(loss.pattern),
            explanation=text.words(loss.explanation, limit=1000),
            exfiltration=loss.exfiltration,
        )


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as a template may print it (documents: csv, json, yaml, tickets)."""

    id: Text
    region: Text
    group: Text
    pattern: Text
    port: int
    purpose: Text
    used_by: tuple[Text, ...]
    required: bool
    source: Text
    checked: Text

    @classmethod
    def of(cls, endpoint: Endpoint) -> EndpointView:
        """Make every field safe."""
        return cls(
            id=text.words(endpoint.id),
            region=text.words(endpoint.region),
            group=text.words(endpoint.group),
            pattern=text.name(endpoint.pattern),
            port=int(endpoint.port),
            purpose=text.words(endpoint.purpose, limit=300),
            used_by=tuple(text.words(agent) for agent in endpoint.used_by),
            required=endpoint.required,
            source=text.words(endpoint.source, limit=300),
            checked=text.words(endpoint.checked),
        )


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Entries for templates, by form; ``by_port`` holds the same again for each port.

    Attributes:
        port: the port of all of them, or 0 where they have several.
        ports: every port, ascending.
        entries: all of them in order.
    """

    port: int
    ports: tuple[int, ...]
    entries: tuple[EntryView, ...]
    by_port: tuple[Rules, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Admitted]) -> Rules:
        """Group the entries."""
        views = tuple(map(EntryView.of, entries))
        ports = tuple(sorted({view.port for view in views}))
        by_port = tuple(
            cls(port=port, ports=(port,), entries=tuple(v for v in views if v.port == port)) for port in ports
        )
        return cls(port=ports[0] if len(ports) == 1 else 0, ports=ports, entries=views, by_port=by_port)

    def on(self, port: int) -> Rules:
        """The entries of one port; none is an empty group."""
        return next((group for group in self.by_port if group.port == port), Rules(port=port, ports=(), entries=()))

    def _form(self, form: Form) -> tuple[EntryView, ...]:
        return tuple(entry for entry in self.entries if entry.form == form.value)

    @property
    def exact(self) -> tuple[EntryView, ...]:
        """Exact names."""
        return self._form(Form.EXACT)

    @property
    def glob(self) -> tuple[EntryView, ...]:
        """Native in-label globs."""
        return self._form(Form.GLOB)

    @property
    def regex(self) -> tuple[EntryView, ...]:
        """Regular expressions."""
        return self._form(Form.REGEX)

    @property
    def one_label(self) -> tuple[EntryView, ...]:
        """One-label wildcards (``name`` is the parent)."""
        return self._form(Form.ONE_LABEL)

    @property
    def suffix(self) -> tuple[EntryView, ...]:
        """Any depth without the parent itself (``name`` is the parent)."""
        return self._form(Form.SUFFIX)

    @property
    def subtree(self) -> tuple[EntryView, ...]:
        """A name and everything beneath it."""
        return self._form(Form.SUBTREE)

    @property
    def contains(self) -> tuple[EntryView, ...]:
        """Expressions that are found anywhere in a name (``body``)."""
        return self._form(Form.CONTAINS)

    @property
    def networks4(self) -> tuple[EntryView, ...]:
        """IPv4 networks."""
        return tuple(entry for entry in self.entries if entry.version == 4)

    @property
    def networks6(self) -> tuple[EntryView, ...]:
        """IPv6 networks."""
        return tuple(entry for entry in self.entries if entry.version == 6)
