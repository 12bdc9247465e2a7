"""Rules about the certificate chain that a peer showed: whose it is, who trusts it, and what is wrong with it.

Interception is judged against the roots of the origin, trust against the vantage's store: a chain that ends outside the
origin's roots was made by somebody on the way, whether this host trusts them or not. Names in a certificate are only
text that an interceptor chose, so the CA is told with its fingerprint. Dates are weighed against the clock first, in
:mod:`netprobe.diagnosis.clock`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from netprobe.diagnosis import details, service
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.clock import attributed
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.unexplained import unexplained
from netprobe.findings import Owner, Severity
from netprobe.observations import Certificate, Experiment, Failure, Observation, Step, TlsDetail

_BY_FAILURE = {
    Failure.SSL_INVALID_HOSTNAME: "tls_wrong_name",
    Failure.SSL_EXPIRED: "tls_expired",
    Failure.SSL_NOT_YET_VALID: "tls_not_yet_valid",
}


_DATED = frozenset({"tls_expired", "tls_not_yet_valid"})


def explain(broken: Broken) -> Cause:
    """Why a certificate was not accepted."""
    world, o = broken.world, broken.o
    controls = (
        *world.controls(Experiment.LAX_CHAIN, like=o, step=Step.TLS),
        *world.controls(service.COMPLETED, like=o, step=Step.TLS),
    )
    seen = _seen(o, *controls)
    dated = attributed(broken, seen)
    if dated is not None:
        return dated
    special = _the_services_own(broken, controls)
    if special is not None:
        return special
    id_ = _BY_FAILURE.get(o.failure) if o.failure is not None else None
    doubt = ""
    if broken.clock is None and id_ in _DATED:
        doubt = "no Date header could be read, so a wrong clock looks the same"
    if id_ is None:
        origin = seen.origin if seen is not None else None
        strict = seen.strict if seen is not None else None
        if origin is None:
            doubt = "no chain could be read, so a poor trust store looks the same"
        if origin and o.failure is Failure.SSL_INVALID_CERTIFICATE:
            if strict is not False:
                return unexplained(broken)
            id_ = "tls_nonconforming_chain"
        elif origin and (other := _verified_by_the_same(world, o, seen)):
            return unexplained(broken, (other,))
        else:
            id_ = "tls_untrusted_store" if origin else "tls_intercepted"
    return broken.cause(
        id_,
        _SAY[id_],
        key=Authority.of(seen).key if id_ in ("tls_intercepted", "tls_nonconforming_chain") else _store(o, id_),
        beside=controls,
        controls=controls,
        doubt=doubt,
    )


def _verified_by_the_same(world: Evidence, o: Observation, seen: TlsDetail | None) -> Observation | None:
    """A handshake of this run that verified to a root which this chain shows or names: the store holds it."""
    if seen is None:
        return None
    shown = [c.sha256 for c in seen.chain]
    issuers = [c.issuer for c in seen.chain[-1:]]
    return world.verified_below(o.vantage, roots=shown, issuers=issuers)


def _the_services_own(broken: Broken, controls: tuple[Observation, ...]) -> Cause | None:
    """What is wrong with the server's own certificates, where nobody on the way can be at fault."""
    world, view, o = broken.world, broken.view, broken.o
    if o.failure is Failure.SSL_INVALID_HOSTNAME and service.shows_a_name_of_its_own(world, view):
        return Cause(
            id="tls_wrong_name",
            key="the service's own",
            say=_say_wrong_at_aws,
            view=view,
            evidence=(o, *controls),
            controls=controls,
        )
    if o.failure is not Failure.SSL_UNKNOWN_AUTHORITY:
        return None
    details_of = [d for d in map(details.tls, controls) if d is not None]
    if any(d.incomplete for d in details_of):
        id_, key, say = "tls_incomplete_chain", "", _say_incomplete
    elif former := next((d.former_root for d in details_of if d.former_root), ""):
        id_, key, say = "tls_former_root", former, _say_former
    else:
        return None
    return broken.cause(id_, say, key=key, beside=controls, controls=controls)


def _store(o: Observation, id_: str) -> str:
    detail = details.tls(o)
    return detail.store if detail is not None and id_ == "tls_untrusted_store" else ""


def _seen(*observations: Observation) -> TlsDetail | None:
    """The first detail that holds a chain."""
    found = [d for d in map(details.tls, observations) if d is not None]
    return next((d for d in found if d.chain), found[0] if found else None)


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Who vouches for a chain.

    Attributes:
        name: of the CA, as the chain tells it (text that its owner chose); nothing where no chain was seen.
        sha256: of its certificate; nothing where the peer did not send it.
        alone: the peer's one certificate vouches for itself.
    """

    name: str = ""
    sha256: str = ""
    alone: bool = False

    @classmethod
    def of(cls, detail: TlsDetail | None) -> Authority:
        """The authority at the end of the chain that a handshake showed."""
        if detail is None or not detail.chain:
            return cls()
        last = detail.chain[-1]
        if last.self_signed:
            return cls(name=last.subject, sha256=last.sha256, alone=len(detail.chain) == 1)
        return cls(name=last.issuer, sha256=detail.root_sha256)

    @property
    def key(self) -> str:
        """What makes two of them one: the name of a CA, or that there is none."""
        return "self-signed" if self.alone else self.name

    @property
    def told(self) -> str:
        """A noun for a sentence, with the fingerprint where it is known."""
        fingerprint = f" (SHA-256 {self.sha256[:16]}…)" if self.sha256 else ""
        if self.alone:
            return f"a self-signed certificate{fingerprint}"
        return f"the CA “{self.name}”{fingerprint}" if self.name else "an unknown CA"

    @property
    def by(self) -> str:
        """How something was done: ``by the CA “…”``, ``with a self-signed certificate``."""
        return f"{'with' if self.alone else 'by'} {self.told}"

    @property
    def issuer(self) -> str:
        """Who issued the leaf, without a fingerprint."""
        if self.alone:
            return "itself"
        return self.name or "an unknown CA"


def companions(world: Evidence) -> Iterator[Cause]:
    """Handshakes that succeed over a chain that is worth a warning."""
    for view in world.views:
        for path in view.paths:
            o = path.step(Step.TLS)
            detail = details.tls(o) if o is not None else None
            if o is None or detail is None:
                continue
            strict = world.controls(Experiment.STRICT_CHAIN, like=o, step=Step.TLS)
            seen = _seen(o, *strict, *world.controls(Experiment.LAX_CHAIN, like=o, step=Step.TLS)) or detail
            name = Authority.of(seen).key
            if o.failure is None and detail.former_root:
                yield Cause(
                    id="tls_former_root",
                    key=detail.former_root,
                    say=_say_former,
                    view=view,
                    evidence=(o,),
                    severity=Severity.INFO,
                )
                continue
            if o.failure is None and detail.origin is False:
                yield Cause(id="tls_intercepted_trusted", key=name, say=_say_trusted, view=view, evidence=(o,))
            # A lone self-signed certificate breaks more rules than it keeps; that it is one is told already.
            if len(seen.chain) == 1 and seen.chain[0].self_signed:
                continue
            if o.failure in _BY_FAILURE:
                continue  # a wrong name or date is what a strict verifier objects to first, and is told already
            if detail.strict is False or any(c.failure is not None for c in strict):
                yield Cause(
                    id="tls_nonconforming_chain",
                    key=name,
                    say=_say_nonconforming,
                    view=view,
                    evidence=(o, *strict),
                    controls=strict,
                )


def _authority(group: CauseGroup) -> Authority:
    return Authority.of(_seen(*group.evidence))


def _fingerprint(group: CauseGroup) -> str:
    """The whole fingerprint, as it has to be compared; of a CA that was not sent there is none."""
    sha256 = _authority(group).sha256
    return f"SHA-256 {sha256}" if sha256 else "of the CA (it was not sent: ask for it)"


def _leaf(group: CauseGroup) -> Certificate | None:
    detail = _seen(*group.evidence)
    return detail.chain[0] if detail is not None and detail.chain else None


_AGENTS_AND_STORES = (
    "The ECS agent installed from an rpm package (RHEL, CentOS, Fedora, Amazon Linux, SUSE) does not read the host's "
    "trust store, the one from a deb package does; docker must be restarted to see a new CA"
)


def _say_intercepted(group: CauseGroup) -> Words:
    record = group.world.vantages.get(group.first.vantage)
    store = record.store if record is not None else "system"
    return Words(
        title=f"TLS to {group.names} is intercepted {_authority(group).by}, which the trust store "
        f"({store}) does not hold.",
        remedy=f"Exempt {group.patterns} on TCP {group.ports} from TLS inspection. If that is refused, compare the "
        f"fingerprint {_fingerprint(group)} with the team that runs the inspection first: whoever holds that key reads "
        "everything. Only once they confirm it, install the CA in the host's store (update-ca-certificates or "
        f"update-ca-trust). {_AGENTS_AND_STORES}.",
    )


def _say_trusted(group: CauseGroup) -> Words:
    leaf = _leaf(group)
    ecdsa = (
        " Its leaf has an EC key: over TLS 1.2 the ECS agent, which offers RSA suites only, fails."
        if leaf is not None and leaf.key.startswith("EC")
        else ""
    )
    return Words(
        title=f"TLS to {group.names} is intercepted {_authority(group).by}; this vantage trusts it.{ecdsa}",
        remedy=f"Exempt {group.patterns} on TCP {group.ports} from TLS inspection. {_AGENTS_AND_STORES}: check with "
        "`netprobe check --as ecs-agent`.",
    )


def _say_untrusted(group: CauseGroup) -> Words:
    authority = _authority(group)
    root = authority.told if authority.name else "the CA “Amazon Root CA 1”"
    return Words(
        title=f"The certificates of {group.names} are genuine, but the trust store ({group.key or 'system'}) lacks "
        f"their root, {root}.",
        remedy=f"Install the distribution's ca-certificates package and run update-ca-certificates (Debian, Ubuntu) or "
        f"update-ca-trust (RHEL, Fedora, Amazon Linux), so that {group.key or 'the store'} holds {root} and Amazon "
        "Root CA 1 to 4.",
    )


def _say_wrong_name(group: CauseGroup) -> Words:
    leaf = _leaf(group)
    whose = f"is for {', '.join(leaf.names[:3]) or leaf.subject}" if leaf is not None else "is for another name"
    return Words(
        title=f"The certificate that answers for {group.names} {whose} ({group.addresses or 'through the proxy'}).",
        remedy=f"Something else answers at that address: check DNS overrides (hosts file, private zone) and NAT for "
        f"{group.patterns}, and point them at AWS.",
    )


def _say_wrong_at_aws(group: CauseGroup) -> Words:
    leaf = _leaf(group)
    whose = ", ".join(leaf.names[:3]) if leaf is not None else "another name"
    return Words(
        title=f"{group.they('show')} a certificate of AWS's own for {whose}, over a chain of the origin: AWS answers, "
        "with the wrong certificate. Other hosts of AWS's work.",
        remedy="Nothing on this host or in the network: nobody on the way can have made this certificate. It has "
        "happened before (amazon-ecs-agent#4530). Until AWS mends it, what needs this name fails: try again later; if "
        "it stays, open a case with AWS.",
        owner=Owner.AWS,
    )


def _say_incomplete(group: CauseGroup) -> Words:
    leaf = _leaf(group)
    issuer = f" “{leaf.issuer}”" if leaf is not None else ""
    return Words(
        title=f"{group.they('send')} a certificate without the intermediate{issuer} that issued it; with the one "
        "that other hosts of this run sent, the chain is genuine.",
        remedy=f"Whoever runs {group.patterns} must send the full chain (leaf and intermediates). Browsers fetch what "
        "is missing, the agents (Go) and curl do not.",
        owner=service.owner(group.hosts),
    )


def _say_former(group: CauseGroup) -> Words:
    return Words(
        title=f"The chain of {group.names} ends in “{group.key}”, a public root that newer trust stores no longer "
        "hold. It is nobody's interception.",
        remedy=f"Whoever runs {group.patterns} should move to a root that is trusted today; until then the store of "
        "each agent must hold that root.",
        owner=service.owner(group.hosts),
    )


def _say_dates(group: CauseGroup) -> Words:
    leaf = _leaf(group)
    late = group.id == "tls_expired"
    when = ((leaf.not_after if late else leaf.not_before) if leaf is not None else "") or "an unknown date"
    said = f"expired on {when}" if late else f"is not valid before {when}"
    issuer = _authority(group).issuer
    return Words(
        title=f"The certificate of {group.names} {said} (issued by {issuer}).",
        remedy="Compare `date -u` with a good clock first. If the clock is right, whoever issued the certificate "
        "must renew it: AWS renews its own, so look for an inspecting device or a local stand-in.",
        owner=None if group.proven else Owner.HOST,
    )


_AROUND_AN_OBJECTION = re.compile(r"^validation failed: | \(encountered processing <.*\Z", re.DOTALL)
"""What cryptography puts around it: that it failed, and the one certificate of many that it looked at."""


def _objection(error: str) -> str:
    return _AROUND_AN_OBJECTION.sub("", error) or error


def _say_nonconforming(group: CauseGroup) -> Words:
    errors = sorted({d.strict_error for d in map(details.tls, group.evidence) if d is not None and d.strict_error})
    why = f" ({_objection(errors[0])})" if errors else ""
    return Words(
        title=f"The chain for {group.names}, issued by {_authority(group).told}, breaks X.509 rules: strict verifiers "
        f"reject it{why}.",
        remedy="Re-issue the inspection CA and its leaves with basicConstraints, keyUsage, subjectKeyIdentifier and "
        f"authorityKeyIdentifier (RFC 5280), or exempt {group.patterns} from inspection.",
    )


_SAY = {
    "tls_intercepted": _say_intercepted,
    "tls_untrusted_store": _say_untrusted,
    "tls_wrong_name": _say_wrong_name,
    "tls_expired": _say_dates,
    "tls_not_yet_valid": _say_dates,
    "tls_nonconforming_chain": _say_nonconforming,
}
