"""Who answered? TLS says it; over a chain of the origin, HTTP can only say what the origin thinks.

Where the vantage's own store verified a chain for the right name, and that chain ends in the roots that the genuine
service chains to, nobody on the way can have read the request or written the answer (RFC 8446 section 1). Then no
status, header or page is a device's: a refusal is the origin's refusal, a page the origin's page. Only the flow itself
can still be held up or cut, unread.

Probes and diagnosis share these rules, so that a saved report is judged again as the probe would judge it today.
"""

from __future__ import annotations

from netprobe.observations import Failure, Observation, Step, TlsDetail

_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500

NEVER_OF_THE_ORIGIN = frozenset(
    {
        Failure.HTTP_BLOCK_PAGE,
        Failure.HTTP_FOREIGN_ANSWER,
        Failure.HTTP_MALFORMED,
        Failure.HTTP_REDIRECT,
        Failure.HTTP_TOO_LARGE,
        Failure.WEBSOCKET_REFUSED,
        Failure.WEBSOCKET_UPGRADE_MISSING,
    }
)
"""What an answer can be judged to be only while it is open who gave it."""
CUT_OFF = frozenset({Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.EOF})
"""How an exchange ends without an answer; a flow can be cut unread, so these stay possible."""

_RUN_BY = {
    "amazonaws.com": "AWS",
    "amazonaws.eu": "AWS",
    "aws": "AWS",
    "aws.com": "AWS",
    "on.aws": "AWS",
    "cloudfront.net": "AWS",
    "c2s.ic.gov": "AWS",
    "sc2s.sgov.gov": "AWS",
    "cloud.adc-e.uk": "AWS",
    "csp.hci.ic.gov": "AWS",
    "githubusercontent.com": "GitHub",
    "github.com": "GitHub",
    "docker.com": "Docker",
    "docker.io": "Docker",
    "r2.cloudflarestorage.com": "Docker",
    "quay.io": "Quay",
}


def answered(handshake: Observation | None) -> bool:
    """Whether a handshake shows that whoever answers over it is the origin.

    Args:
        handshake: the observation of the tls step, or None where there was none (port 80).

    Returns:
        True where the handshake succeeded, verified the name and the chain with the vantage's store, and the chain
        ends in the origin's roots. A lax handshake (``verify`` is ``none``) never says so.
    """
    if handshake is None or handshake.failure is not None or not isinstance(handshake.detail, TlsDetail):
        return False
    detail = handshake.detail
    return detail.verify == "store" and detail.sni is not None and detail.origin is True


def is_trouble(status: int) -> bool:
    """Whether a service says by its status that it cannot serve now: 429 (RFC 6585 section 4) and every 5xx."""
    return status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS


def settled(failure: Failure | None, status: int | None, step: Step) -> Failure | None:
    """What is left of a judgement of an answer, once it is known that the origin gave it.

    Args:
        failure: what the answer was judged to be while that was open.
        status: its status, or None where nothing came that can be read as HTTP.
        step: ``http``, or ``websocket``: an upgrade that is answered with anything has arrived, and what ails the
            service shows in the plain request before it.

    Returns:
        The failure that remains, or None for a pass.
    """
    if failure not in NEVER_OF_THE_ORIGIN:
        return failure
    if step is Step.HTTP and status is not None and is_trouble(status):
        return Failure.HTTP_SERVICE_ERROR
    return None


def runs(host: str) -> str:
    """Who runs the service behind a host name: ``AWS``, ``GitHub``, ``Docker`` …, or nothing where it is not known."""
    labels = host.lower().rstrip(".").split(".")
    for start in range(len(labels)):
        known = _RUN_BY.get(".".join(labels[start:]))
        if known is not None:
            return known
    return ""
