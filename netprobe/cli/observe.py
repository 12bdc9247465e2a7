"""``netprobe observe``: learn from a capture what a host talks to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netprobe.cli import options, values
from netprobe.cli.facts import stamp, version_of

FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("observe")(observe)


def observe(
    capture: Annotated[
        Path | None, typer.Argument(metavar="CAPTURE", help="A pcap or pcapng file, also .gz; - for stdin.")
    ] = None,
    interface: Annotated[
        str | None, typer.Option("--interface", "-i", metavar="IF", help="Listen on this interface.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="N", min=0.1, help="Stop listening after this long (default 60)."),
    ] = None,
    packets: Annotated[
        int | None, typer.Option("--packets", metavar="N", min=1, help="Stop listening after this many packets.")
    ] = None,
    learn: Annotated[
        Path | None, typer.Option("--learn", metavar="FILE", help="Write unexplained names as [[endpoint]] TOML.")
    ] = None,
    label: options.Labels = None,
    anonymous: options.Anonymous = False,
    format: options.Format = "text",
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> int:
    """Learn what a host talks to: names from DNS, TLS, QUIC and HTTP, and which the catalog explains.

    Reads a capture (a file, a pipe, or - for stdin) in constant memory, or listens on an interface for a while. Sends
    nothing. Ctrl-C ends it early: what was seen until then is shown, with exit code 130. A live capture is labelled
    with this host; for a file, only the host that read it is named.
    """
    from msgspec.structs import replace

    from netprobe import catalog, cilog, identity, jsontext
    from netprobe.cli.output import check_destinations, for_people, say, width, write_output
    from netprobe.errors import UsageError, printable
    from netprobe.observe import learned, text
    from netprobe.observe.capture import read
    from netprobe.observe.learn import Observer
    from netprobe.observe.live import listen
    from netprobe.observe.matching import Matcher, every_endpoint
    from netprobe.observe.model import without_addresses

    if format not in FORMATS:
        raise UsageError(format, "is not a format of this command", f"choose one of {', '.join(FORMATS)}")
    if (capture is None) == (interface is None):
        raise UsageError("observe", "needs a capture file or an interface, one of the two", "give FILE, or -i eth0")
    check_destinations([output, learn])  # told before anyone listens for a minute
    naming, started_at = values.naming(label, anonymous=anonymous), stamp()
    observer = Observer()
    if capture is not None:
        stream = read(capture, observer.tally)
    else:
        limit = seconds if seconds is not None or packets is not None else 60.0
        stream = listen(interface or "", observer.tally, seconds=limit, packets=packets)
    interrupted = False
    try:
        for packet in stream:
            observer.feed(packet)
    except KeyboardInterrupt:
        interrupted = True
        say("stopped; this is what was seen so far")
    facts = catalog.load()
    source = naming.file(capture) if capture is not None else str(interface)
    observed = observer.result(source, Matcher(every_endpoint(facts)))
    observed = replace(observed, started_at=started_at, catalog=version_of(facts, started_at))
    host = identity.of_this_host(naming)
    if capture is not None:
        observed = replace(observed, reader=host)
    else:
        observed = without_addresses(replace(observed, host=host)) if anonymous else replace(observed, host=host)
    if format == "json":
        write_output(jsontext.encode(observed), output)
    else:
        write_output(for_people(cilog.in_text(text.text(observed, width=width())), output), output)
    if learn is not None:
        tables, left_out = learned.toml(observed)
        write_output(tables, learn)
        for name in left_out[:20]:
            say(f"left out of {learn}: {printable(name)} is no host name, or there are too many")
    if not quiet and observed.malformed:
        say(f"{sum(observed.malformed.values())} packets could not be read; the output says why")
    return 130 if interrupted else 0
