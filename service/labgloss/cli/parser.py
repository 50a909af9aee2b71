"""The command line. It imports nothing that is slow to import: `--help` needs neither gRPC nor the knowledge."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from labgloss import __version__
from labgloss.cli import manual

# What the type checker takes for typing.TYPE_CHECKING, without the import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _Commands = argparse._SubParsersAction["_Parser"]

_COLUMNS = 118
_MOST_SECONDS = 3600
_MOST_JOBS = 64
# As in proofs/answers.py and proofs/mutants.py, which are slow to import.
GATES = ("no-critical-lost", "no-urgency-lowered", "no-normal-gained")
MUTANTS = ("limit", "bound", "age", "clause", "evidence", "urgency", "recommendation", "withholding")


def build_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser; what it parses names the command's module in `command`.

    Of arguments that begin with a command it knows that one alone, which takes half of the time.
    """
    parser = _Parser("labgloss", description=manual.LABGLOSS, examples=manual.LABGLOSS_EXAMPLES)
    parser.add_argument("--version", action=_Version, help="print the version and end")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    added = {
        "serve": _serve,
        "interpret": _interpret,
        "explain": _explain,
        "check": _check,
        "demo": _demo,
        "hl7": _hl7,
        "knowledge": _knowledge,
        "audit": _audit,
        "replay": _replay,
        "probe": _probe,
        "cds": _cds,
    }
    asked = argv[0] if argv and argv[0] in added else None
    for name, add in added.items():
        if asked in (None, name):
            add(commands)
    return parser


def _serve(commands: _Commands) -> None:
    command = _command(commands, "serve", "serve the gRPC API", manual.SERVE, manual.SERVE_EXAMPLES)
    # Values stay text: settings are checked in one place, whether they come by flag or by environment.
    command.add_argument("--host", help="address to listen on (default 127.0.0.1: only this machine)")
    command.add_argument("--port", help="port to listen on; 0: any free port (default 50051)")
    command.add_argument("--workers", help="processes that share the port, for as many cores (default 1)")
    command.add_argument("--threads", help="threads of each worker (default 8)")
    command.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (default info)")
    command.add_argument(
        "--reflection",
        action=argparse.BooleanOptionalAction,
        help="serve the schema by reflection (default: only on loopback)",
    )
    command.add_argument(
        "--connections", metavar="COUNT", help="connections that each worker takes at a time (default 512)"
    )
    command.add_argument(
        "--connection-calls", metavar="COUNT", help="calls that one connection may have under way (default 16)"
    )
    command.add_argument(
        "--connection-age-seconds",
        metavar="SECONDS",
        help="age at which connections are made anew, and so reach other servers (default 60)",
    )
    command.add_argument(
        "--connection-idle-seconds",
        metavar="SECONDS",
        help="after so long a connection without a call is closed (default 10)",
    )
    command.add_argument(
        "--unary-seconds",
        metavar="SECONDS",
        help="what a call of one panel, a Bundle or the knowledge may take, whatever its deadline (default 30)",
    )
    command.add_argument(
        "--batch-seconds", metavar="SECONDS", help="what a batch may take, whatever its deadline (default 120)"
    )
    command.add_argument(
        "--stream-idle-seconds",
        metavar="SECONDS",
        help="a stream is ended when for so long no message comes or no answer is taken (default 60)",
    )
    command.add_argument(
        "--drain-seconds",
        metavar="SECONDS",
        help="from SIGTERM to refusing new calls (default: what the age of connections asks for, 71)",
    )
    command.add_argument("--knowledge", metavar="FOLDER", help="knowledge files to serve (default: those shipped)")
    _overlay(command)
    command.add_argument("--tls-certificate", metavar="FILE", help="the server's certificate and its issuers (PEM)")
    command.add_argument("--tls-key", metavar="FILE", help="the key of the certificate (PEM)")
    command.add_argument(
        "--tls-client-ca", metavar="FILE", help="authorities (PEM) of callers' certificates, which are then needed"
    )
    command.add_argument("--access", metavar="FILE", help="who may call what (default: everybody, everything)")
    command.add_argument(
        "--plaintext",
        action="store_true",
        default=None,
        help="serve other machines unencrypted, where something else encrypts the way",
    )
    command.add_argument(
        "--health-port", metavar="PORT", help="another port, for health checks alone, unencrypted (default: none)"
    )
    _evidence(command)


def _evidence(command: _Parser) -> None:
    command.add_argument("--audit", metavar="FOLDER", help='keep decision records; "-": on standard output')
    command.add_argument("--audit-key", metavar="FILE", help="the site's key, for digests of request and report")
    command.add_argument("--audit-bytes", metavar="N", help="size of a file of records (default 67108864)")
    command.add_argument(
        "--audit-required",
        action=argparse.BooleanOptionalAction,
        help="refuse a call whose record cannot be written (default: refuse)",
    )
    command.add_argument("--metrics-port", metavar="PORT", help="serve metrics for Prometheus (default: none)")
    command.add_argument("--metrics-host", metavar="HOST", help="address of the metrics (default 127.0.0.1)")
    command.add_argument(
        "--tracing", action=argparse.BooleanOptionalAction, help="send spans as OTEL_ variables say (default: none)"
    )


def _interpret(commands: _Commands) -> None:
    command = _command(
        commands, "interpret", "explain the panels of a file", manual.INTERPRET, manual.INTERPRET_EXAMPLES
    )
    command.add_argument("file", metavar="FILE", help='panel file or FHIR Bundle, or "-" for standard input')
    _input_format(command)
    command.add_argument(
        "--format",
        choices=("text", "json", "fhir"),
        default="text",
        help="of the output (default text); fhir: the Bundle that answers a Bundle",
    )
    _target(command)


def _explain(commands: _Commands) -> None:
    command = _command(
        commands,
        "explain",
        "say why a report says it, and what would change it",
        manual.EXPLAIN,
        manual.EXPLAIN_EXAMPLES,
    )
    command.add_argument("file", metavar="FILE", help='panel file, or "-" for standard input')
    command.add_argument("ids", metavar="ID", nargs="*", help="what to explain (default: all that the report lists)")
    command.add_argument("--panel", metavar="ID", help="which panel of FILE (default: the only one)")
    _input_format(command)
    _format(command)
    _overlay(command)


def _check(commands: _Commands) -> None:
    command = _command(
        commands, "check", "compare reports with what panel files expect", manual.CHECK, manual.CHECK_EXAMPLES
    )
    command.add_argument("paths", metavar="PATH", nargs="+", help="panel file or folder of panel files")
    command.add_argument("--junit", metavar="FILE", help="write JUnit XML, one test case per panel named by its id")
    command.add_argument(
        "--coverage",
        metavar="FILE",
        help='say what of the release the panels reach, and write it to FILE as JSON; "-": say it only',
    )
    command.add_argument(
        "--require-coverage",
        action="store_true",
        help="say it, and end with 1 while a band, pattern, near miss, red flag or recommendation is not reached",
    )
    command.add_argument("--only", choices=("results",), help="compare only expect.results and expect.refused")
    _format(command)
    _target(command)


def _demo(commands: _Commands) -> None:
    _command(commands, "demo", "start a service, send it the sample panels, show", manual.DEMO, manual.DEMO_EXAMPLES)


def _knowledge(commands: _Commands) -> None:
    command = _command(
        commands, "knowledge", "check and show the knowledge", manual.KNOWLEDGE, manual.KNOWLEDGE_EXAMPLES
    )
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="action")
    lint = _command(actions, "lint", "check the knowledge", manual.LINT, manual.LINT_EXAMPLES, module="knowledge")
    _folder(lint)
    _overlay(lint)
    show = _command(
        actions, "show", "show the release, an analyte or a rule", manual.SHOW, manual.SHOW_EXAMPLES, module="knowledge"
    )
    show.add_argument("id", metavar="ID", nargs="?", help="id of a rule or analyte (default: the release)")
    _overlay(show)
    signoff = _command(
        actions,
        "signoff",
        "what nobody has signed, as a document to sign",
        manual.SIGNOFF,
        manual.SIGNOFF_EXAMPLES,
        module="knowledge",
    )
    _folder(signoff)
    _overlay(signoff)
    signoff.add_argument("--output", metavar="FILE", help="write the document to FILE (default: standard output)")
    _impact(actions)
    _mutate(actions)


def _folder(command: _Parser) -> None:
    command.add_argument(
        "folder", metavar="FOLDER", nargs="?", help="folder of knowledge files (default: the shipped one)"
    )


def _impact(actions: _Commands) -> None:
    impact = _command(
        actions, "impact", "what another release or overlay changes", manual.IMPACT, manual.IMPACT_EXAMPLES
    )
    side = 'knowledge folder or overlay file; "-": the shipped release'
    impact.add_argument("before", metavar="A", help=side)
    impact.add_argument("after", metavar="B", help=side)
    impact.add_argument(
        "--panels", metavar="PATH", action="append", default=[], help="panels to ask of both; repeatable"
    )
    impact.add_argument(
        "--gate", metavar="GATE", choices=GATES, action="append", default=[], help=f"{', '.join(GATES)}; repeatable"
    )
    _format(impact)


def _mutate(actions: _Commands) -> None:
    mutate = _command(actions, "mutate", "whether cases find each small fault", manual.MUTATE, manual.MUTATE_EXAMPLES)
    mutate.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="panel or spec files, or folders (default: the shipped panels and specs)",
    )
    mutate.add_argument("--knowledge", metavar="FOLDER", help="knowledge files to mutate (default: those shipped)")
    mutate.add_argument(
        "--only", metavar="KIND", choices=MUTANTS, action="append", help=f"{', '.join(MUTANTS)}; repeatable"
    )
    mutate.add_argument("--rule", metavar="ID", help="only mutants of this rule, analyte or row")
    mutate.add_argument("--survivors", metavar="FILE", help="list of known survivors, each with its reason (TOML)")
    mutate.add_argument("--jobs", metavar="N", type=_jobs, help="processes that share the work (default: one a core)")
    _format(mutate)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_JOBS:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {_MOST_JOBS} is needed")
    return int(text)


def _hl7(commands: _Commands) -> None:
    command = _command(commands, "hl7", "interpret HL7 v2 messages", manual.HL7, manual.HL7_EXAMPLES)
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="action")
    interpret = _command(
        actions,
        "interpret",
        "explain the messages of a file",
        manual.HL7_INTERPRET,
        manual.HL7_INTERPRET_EXAMPLES,
        "hl7",
    )
    interpret.add_argument("file", metavar="FILE", help='file of ORU^R01 messages, or "-" for standard input')
    interpret.add_argument(
        "--format", choices=("text", "json", "hl7"), default="text", help="of the output (default text)"
    )
    _of_senders(interpret)
    _target(interpret)

    _hl7_serve(actions)


def _hl7_serve(actions: _Commands) -> None:
    # Values stay text: settings are checked in one place, whether they come by flag or by environment.
    serve = _command(actions, "serve", "take messages over MLLP", manual.HL7_SERVE, manual.HL7_SERVE_EXAMPLES, "hl7")
    serve.add_argument("--spool", metavar="FOLDER", help="where answers are kept on disk (needed)")
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1: only this machine)")
    serve.add_argument("--port", help="port to listen on; 0: any free port (default 2575)")
    serve.add_argument("--send-to", metavar="HOST:PORT", help="receiver of the answers (default: whoever sent)")
    _asking(serve)
    serve.add_argument("--timeout-seconds", metavar="SECONDS", help="for the report on one patient (default 10)")
    _of_senders(serve)
    serve.add_argument("--tls-certificate", metavar="FILE", help="the listener's certificate and its issuers (PEM)")
    serve.add_argument("--tls-key", metavar="FILE", help="the key of the certificate (PEM)")
    serve.add_argument(
        "--tls-client-ca", metavar="FILE", help="authorities (PEM) of senders' certificates, which are then needed"
    )
    serve.add_argument(
        "--plaintext",
        action="store_true",
        default=None,
        help="listen to other machines unencrypted, where something else encrypts the way",
    )
    serve.add_argument("--send-tls", action="store_true", default=None, help="encrypt the way to the receiver")
    serve.add_argument(
        "--send-plaintext",
        action="store_true",
        default=None,
        help="allow a receiver on another machine unencrypted, where something else encrypts",
    )
    serve.add_argument("--send-tls-ca", metavar="FILE", help="authorities of the receiver (PEM; default: well-known)")
    serve.add_argument("--send-tls-certificate", metavar="FILE", help="certificate to show the receiver (PEM)")
    serve.add_argument("--send-tls-key", metavar="FILE", help="its key (PEM)")
    serve.add_argument(
        "--send-refused", action="store_true", default=None, help="send again what the receiver refused (AE)"
    )
    serve.add_argument("--connections", metavar="COUNT", help="connections at a time (default 64)")
    serve.add_argument("--idle-seconds", metavar="SECONDS", help="after which a silent connection ends (default 3600)")
    serve.add_argument("--message-seconds", metavar="SECONDS", help="for one message to come whole (default 30)")
    serve.add_argument("--message-bytes", metavar="BYTES", help="of one message at most (default 1048576)")
    serve.add_argument("--waiting", metavar="COUNT", help="answers that may wait to be sent (default 100000)")
    serve.add_argument("--keep-hours", metavar="HOURS", help="for which a sent answer is kept (default 72)")
    serve.add_argument("--drain-seconds", metavar="SECONDS", help="from SIGTERM to the end at most (default 10)")
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (default info)")


def _of_senders(command: _Parser) -> None:
    command.add_argument(
        "--character-set", metavar="NAME", help="of messages that name none, as in MSH-18: 8859/1 (default: UTF-8)"
    )
    command.add_argument(
        "--time-zone", metavar="NAME", help="of times without an offset, such as Europe/Berlin (default: none)"
    )


def _audit(commands: _Commands) -> None:
    command = _command(commands, "audit", "verify decision records", manual.AUDIT, manual.AUDIT_EXAMPLES)
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="action")
    verify = _command(
        actions, "verify", "name every record that is not whole", manual.VERIFY, manual.VERIFY_EXAMPLES, module="audit"
    )
    verify.add_argument("files", metavar="FILE", nargs="+", help='file of records, folder of such, "-": standard input')
    verify.add_argument(
        "--head", metavar="HASH", action="append", default=[], help="hash that a chain must end with; repeatable"
    )
    verify.add_argument(
        "--known",
        metavar="HASH",
        action="append",
        default=[],
        help="hash that a chain must hold, or begin right after; repeatable",
    )
    verify.add_argument(
        "--require-heads", action="store_true", help="1, too, when a chain is not held by a hash up to its last record"
    )


def _replay(commands: _Commands) -> None:
    command = _command(
        commands, "replay", "prove a recorded answer by giving it again", manual.REPLAY, manual.REPLAY_EXAMPLES
    )
    command.add_argument("request", metavar="REQUEST", help="panel file (.toml, .json), or the bytes of the request")
    command.add_argument("records", metavar="FILE", nargs="+", help="file of records, or folder of such")
    command.add_argument("--key", metavar="FILE", required=True, help="the site's key, under which records were kept")
    command.add_argument("--id", metavar="ID", help="which record (default: each that is of a panel of REQUEST)")
    command.add_argument("--knowledge", metavar="FOLDER", help="knowledge files (default: those shipped)")
    _overlay(command)


def _probe(commands: _Commands) -> None:
    command = _command(commands, "probe", "ask a service whether it serves", manual.PROBE, manual.PROBE_EXAMPLES)
    command.add_argument(
        "--target", metavar="HOST:PORT", default="127.0.0.1:50051", help="where the service is (default %(default)s)"
    )
    command.add_argument("--service", metavar="NAME", default="", help="service to ask for (default: all of them)")
    command.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=2.0, help="how long to wait (default %(default)s)"
    )
    _encryption(command)


def _asking(command: _Parser) -> None:
    command.add_argument("--target", metavar="HOST:PORT", help="gRPC service that interprets (default 127.0.0.1:50051)")
    command.add_argument("--target-tls", action="store_true", default=None, help="encrypt the way to the target")
    command.add_argument(
        "--target-plaintext",
        action="store_true",
        default=None,
        help="allow a target on another machine unencrypted, where something else encrypts",
    )
    command.add_argument("--target-tls-ca", metavar="FILE", help="authorities of the target (PEM)")
    command.add_argument("--target-tls-certificate", metavar="FILE", help="certificate to show the target (PEM)")
    command.add_argument("--target-tls-key", metavar="FILE", help="its key (PEM)")
    command.add_argument("--target-token-file", metavar="FILE", help="file that holds the token to send to the target")


def _cds(commands: _Commands) -> None:
    command = _command(commands, "cds", "serve EHRs over HTTP: CDS Hooks, JSON", manual.CDS, manual.CDS_EXAMPLES)
    actions = command.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="action")
    # Values stay text: settings are checked in one place, whether they come by flag or by environment.
    serve = _command(
        actions, "serve", "serve CDS Hooks and JSON over HTTP", manual.CDS_SERVE, manual.CDS_SERVE_EXAMPLES, "cds"
    )
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1: only this machine)")
    serve.add_argument("--port", help="port to listen on; 0: any free port (default 8080)")
    _asking(serve)
    serve.add_argument("--timeout-seconds", metavar="SECONDS", help="for an answer of the target (default 2)")
    serve.add_argument("--tls-certificate", metavar="FILE", help="this service's certificate and its issuers (PEM)")
    serve.add_argument("--tls-key", metavar="FILE", help="the key of the certificate (PEM)")
    serve.add_argument(
        "--tls-client-ca", metavar="FILE", help="authorities (PEM) of callers' certificates, which are then needed"
    )
    serve.add_argument("--access", metavar="FILE", help="who may call what (default: everybody, everything)")
    serve.add_argument(
        "--public-url", metavar="URL", help="the URL that callers use; tokens of EHRs are for it (default: none)"
    )
    serve.add_argument(
        "--cors-origins", metavar="ORIGINS", help="origins of web pages that may call, with commas (default: none)"
    )
    serve.add_argument(
        "--plaintext",
        action="store_true",
        default=None,
        help="serve other machines unencrypted, where something else encrypts the way",
    )
    serve.add_argument(
        "--health-port", metavar="PORT", help="another port, for health checks alone, unencrypted (default: none)"
    )
    serve.add_argument(
        "--observations", metavar="COUNT", help="results that hooks ask EHRs for, newest first (default 60)"
    )
    serve.add_argument("--requests", metavar="COUNT", help="requests under way at a time (default 64)")
    serve.add_argument("--connections", metavar="COUNT", help="connections at a time (default 256)")
    serve.add_argument("--panel-bytes", metavar="N", help="size of a panel as JSON (default 262144)")
    serve.add_argument("--hook-bytes", metavar="N", help="size of a call of a hook (default 4194304)")
    serve.add_argument("--drain-seconds", metavar="SECONDS", help="from SIGTERM to taking no more requests (default 5)")
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (default info)")


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("is empty; name one, or leave it out")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    # A comparison that is also False for NaN.
    if not 0 < seconds <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"a number of seconds above 0, at most {_MOST_SECONDS}, is needed")
    return seconds


def _input_format(command: _Parser) -> None:
    command.add_argument(
        "--input-format",
        choices=("toml", "json"),
        help="spelling of FILE (default: by its name; toml for standard input)",
    )


def _format(command: _Parser) -> None:
    command.add_argument("--format", choices=("text", "json"), default="text", help="of the output (default text)")


def _target(command: _Parser) -> None:
    command.add_argument(
        "--target", metavar="HOST:PORT", help="service to ask (default: one inside this process, for this call)"
    )
    _overlay(command)
    _encryption(command)


def _overlay(command: _Parser) -> None:
    command.add_argument("--overlay", metavar="FILE", help="site overlay to lay over the release (default: none)")


def _encryption(command: _Parser) -> None:
    ways = command.add_mutually_exclusive_group()
    ways.add_argument("--tls", action="store_true", help="encrypt the way to the target")
    ways.add_argument(
        "--plaintext", action="store_true", help="allow another machine unencrypted, where something else encrypts"
    )
    command.add_argument("--tls-ca", metavar="FILE", help="authorities of the target (PEM; default: the well-known)")
    command.add_argument("--tls-certificate", metavar="FILE", help="certificate to show (PEM; default: none)")
    command.add_argument("--tls-key", metavar="FILE", help="its key (PEM)")
    command.add_argument("--token-file", metavar="FILE", help="file that holds the token to send (default: none)")


def _command(
    commands: _Commands, name: str, summary: str, description: str, examples: str, module: str = ""
) -> _Parser:
    command = commands.add_parser(name, help=summary, description=description, examples=examples)
    command.set_defaults(command=module or name)
    return command


class _Parser(argparse.ArgumentParser):
    def __init__(self, prog: str, *, description: str, examples: str) -> None:
        # Abbreviated options would break in scripts when another option is added.
        super().__init__(prog, description=description, epilog=examples, formatter_class=_Manual, allow_abbrev=False)

    def add_argument(self, *names: str, **given: Any) -> argparse.Action:
        """What names a file or folder is not empty: an overlay would be left out, and nobody told."""
        # Of servers those who read settings say it, by flag or environment.
        if given.get("metavar") in ("FILE", "FOLDER", "PATH") and not self.prog.endswith(" serve"):
            given.setdefault("type", _named)
        return super().add_argument(*names, **given)

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse itself says nothing where help cannot be written.
        if file is not None and file is sys.stdout:
            _show(message)
        else:
            super()._print_message(message, file)


def _show(text: str) -> None:
    """Writes to standard output, at once. Raises SystemExit when it cannot be written, or nobody reads it."""
    # Closed by whoever started the command, it is None.
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Only now, so that help does not wait for it.
        from labgloss.cli import FAILED, NOBODY_READS, console

        console.drop()
        if isinstance(error, BrokenPipeError):
            raise SystemExit(NOBODY_READS) from None
        console.complain(str(console.OutputError(error)))
        raise SystemExit(FAILED) from None


class _Manual(argparse.RawDescriptionHelpFormatter):
    # A width of its own spares `--help` the import that asks the terminal for one.
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_COLUMNS, max_help_position=28)
        # argparse forgets the indentation of commands when it aligns their summaries.
        self._action_max_length = len("knowledge") + 4


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        _show(f"labgloss {__version__}\n")
        parser.exit()
