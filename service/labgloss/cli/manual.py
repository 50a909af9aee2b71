"""What `--help` says: what each command does, examples, exit codes."""

from __future__ import annotations

LABGLOSS = """\
Explains laboratory panels: serum magnesium, calcium, 25-OH vitamin D and potassium, with the patient's symptoms and
context, against reference intervals and decision limits. It supports a clinician's decision; it never diagnoses,
orders or doses. What cannot be judged is refused with a reason, and is never called normal."""

LABGLOSS_EXAMPLES = """\
examples:
  labgloss demo                             see it work: a service, the sample panels, their reports
  labgloss serve                            serve on this machine, port 50051
  labgloss interpret panel.toml             explain the panels of a file
  labgloss explain panel.toml               say why, and what would change it
  labgloss check panels/ --junit out.xml    compare reports with what panel files expect
  labgloss COMMAND --help                   the manual of one command

exit codes:
  0    done
  1    what was asked is not so: a panel differs, a call failed, a service does not serve
  2    cannot start: wrong usage or settings, faulty knowledge, a file that cannot be read
  130  interrupted
  141  nobody reads the output any more"""

PANEL_FILE = """\
A panel file is TOML for what people write, JSON for what programs write; both have the same keys:

  [[panel]]
  id = "low-magnesium"
  [panel.patient]
  age_years = 67
  sex = "female"
  [[panel.results]]
  analyte = "magnesium"       # or code = "2601-3", a LOINC code
  value = "0.41"              # as the laboratory sent it
  unit = "mmol/L"
  [[panel.symptoms]]
  text = "cramps in both calves"
  [panel.expect]              # what `labgloss check` compares
  urgency = "PROMPT"
  [panel.expect.results.magnesium]
  class = "low"
"""

SERVE = """\
Serves the gRPC API labgloss.v1 until it gets SIGTERM or SIGINT. Before it serves it loads and checks the knowledge; a
fault stops it. It logs JSON lines, never a patient's value; the line of event "serving" names the port.

On SIGTERM it says by its health service that it stops, answers on until every connection was old enough to be made
anew elsewhere (--drain-seconds), lets what is under way end, and ends. A second signal ends it at once. On SIGINT, as
from a keyboard, it does not wait for connections to move. On SIGHUP it reloads a changed release or overlay: checked,
and where no verdict is kept proved, in a process of its own first; on any fault the old one stays in force, and the log
names each fault. No answer mixes two releases.

With --workers it serves with as many processes on one port, for as many cores: one that dies is started again.

A site overlay holds what one site decides: its intervals, critical limits, choices, texts, local codes and feed
settings, each signed. It is laid over the release and checked like it; deploy/overlay.example.toml shows it all.

Beyond this machine it serves over TLS: --tls-certificate and --tls-key. With --tls-client-ca each caller shows a
certificate; --access lists the callers, by certificate or token, and what each may call. These files may change while
it serves: the next connection or call takes the new ones, and faulty ones are refused in the log. Who is not let in
leaves a line of event "refused". deploy/access.example.toml shows an access file, deploy/identity.md the rest.

With --audit it writes a decision record of each panel before its answer leaves, in a chain that "labgloss audit verify"
checks; with --metrics-port it serves figures for Prometheus, with --tracing it sends spans. None holds patient data.
Several workers have a chain each, and the metrics ports that follow on the first.

Every setting is a flag or an environment variable, such as LABGLOSS_PORT; the flag wins."""

SERVE_EXAMPLES = """\
examples:
  labgloss serve
  labgloss serve --host 0.0.0.0 --tls-certificate server.pem --tls-key server.key --health-port 50052
  labgloss serve --host 0.0.0.0 --tls-certificate server.pem --tls-key server.key --tls-client-ca ca.pem --access a.toml
  LABGLOSS_LOG_LEVEL=warning labgloss serve --port 0
  labgloss serve --workers 2 --connection-age-seconds 30
  labgloss serve --overlay site.toml
  labgloss serve --audit /var/lib/labgloss --audit-key /run/secrets/audit-key --metrics-port 9464

exit codes:
  0  stopped as asked
  1  a worker ended at once, again and again
  2  settings, certificates or the access file are wrong, the knowledge is faulty, or the port is taken"""

INTERPRET = (
    """\
Explains every panel of a file: each result with its interval, flag, band and critical limit, findings, patterns, red
flags, recommendations by urgency, and what could not be judged and why. Without --target a service of its own answers,
inside this process; nothing leaves the machine.

A JSON file may also be a FHIR R4 Bundle with the results of one patient; what of it was not read, or is in doubt, goes
to standard error with its path. deploy/fhir.md says what is read of a Bundle, and how. A file NAME.hl7 may be an HL7 v2
message with the results of one patient ("labgloss hl7 interpret" takes several).

"""
    + PANEL_FILE
)

INTERPRET_EXAMPLES = """\
examples:
  labgloss interpret panel.toml
  labgloss interpret panel.json --format json
  labgloss interpret - --input-format json < panel.json
  labgloss interpret bundle.json --format fhir > answer.json
  labgloss interpret panel.toml --target labgloss.example:50051 --tls --token-file token
  labgloss interpret panel.toml --target labgloss.example:50051 --tls-certificate me.pem --tls-key me.key

With --format json the output is one labgloss.v1.BatchInterpretPanelsResponse as JSON, with --format fhir the Bundle of
the answer.

exit codes:
  0  every panel has a report
  1  a panel has none, because it is not accepted or the service was not reached
  2  the file cannot be read; every fault is listed"""

EXPLAIN = """\
Says why the report on a panel holds each finding, pattern, red flag and recommendation: the rule, its clauses and what
each came to, sources. With an ID, or a number such as P01, it says so of that alone, also where it did not fire: what
is missing, what speaks against it. It lists how far each value lies from each limit, and the smallest single change
that would flip each statement: a number moved by reported digits; a symptom present or denied; a condition or
medication added or removed. Each such change was made, and the changed panel interpreted.
Nothing leaves the machine."""

EXPLAIN_EXAMPLES = """\
examples:
  labgloss explain panel.toml
  labgloss explain panels.toml --panel low-magnesium MG_LOW CHECK_PTH
  labgloss explain panel.json --format json

exit codes:
  0  explained
  1  nothing has this id, or the panel is not accepted
  2  the file cannot be read, or holds several panels and none was named"""

CHECK = (
    """\
Compares the report on every panel with what its file expects, and prints what differs. A PATH is a panel file or a
folder, which is read recursively (*.toml, *.json, *.hl7). A list that is expected is contained in the answer; an empty
list says that there is none; what is not written is not compared.

A FHIR R4 Bundle stands in the place of a panel as NAME.json, an HL7 v2 message (ORU^R01) as NAME.hl7, with what is
expected of the report in NAME.expect.toml: [expect] as in a panel file, where a result is called by its analyte; beside
it, where they are needed, title, why, subject (whose results, of several patients'; of a message PID-3), source, as_of
and [options], and for a message character_set ("8859/1") and time_zone ("Europe/Berlin") of its sender.

--coverage adds what of the release the panels reach, as counts and ids of what none of them does: bands (those that
one table of limits decided), critical limits, patterns matched and possible, red flags at each urgency and held,
recommendations given and withheld, refusals, cautions, issues. A pattern is nearly missed by a panel that names it in
not_patterns, or whose report calls it possible. It is taken from the reports and the rules that the service lists, so
that it speaks of the release that answered.

"""
    + PANEL_FILE
)

CHECK_EXAMPLES = """\
examples:
  labgloss check panels/
  labgloss check panels/ --junit labgloss.xml      for a CI system: one test case per panel
  labgloss check panels/ --only results            only expect.results and expect.refused
  labgloss check panels/ --target 127.0.0.1:50051  ask a service that runs
  labgloss check panels/ --coverage -              what the panels reach, and what none of them does
  labgloss check panels/ --coverage reached.json --require-coverage

exit codes:
  0  every panel agrees; what is not reached changes nothing without --require-coverage
  1  a panel differs, or has no report; with --require-coverage something is not reached
  2  a file cannot be read; every fault is listed"""

DEMO = """\
Shows the whole way on real input: starts the service as a process of its own on a free loopback port, waits for its
health service, sends the sample panels that come with the package through the Python client over gRPC, prints each
report, compares it with what the panel expects, and stops the service."""

DEMO_EXAMPLES = """\
examples:
  labgloss demo
  labgloss demo | less

exit codes:
  0  every report is as expected
  1  a report differs, or the service failed"""

KNOWLEDGE = """\
Checks and shows the knowledge that interprets: analytes, reference intervals, bands, critical limits, findings,
patterns, red flags, recommendations, each with its source and status; and lays before a clinical lead what is to be
signed off."""

KNOWLEDGE_EXAMPLES = """\
examples:
  labgloss knowledge lint
  labgloss knowledge show
  labgloss knowledge show magnesium
  labgloss knowledge show MG_LOW
  labgloss knowledge signoff --output signoff.md
  labgloss knowledge impact - my/knowledge
  labgloss knowledge mutate --rule magnesium"""

LINT = """\
Checks the knowledge as the service does before it serves (form, gaps and overlaps, bands that nothing reaches, units,
sources), and proves its rules over every combination of what they read: every name can be TRUE, every pattern can be
MATCHED and is not always replaced, every clause and level decides something, every recommendation can be given and
none together with what it must never stand beside, every abnormal band is answered, no contradictions run in a circle.
Prints what was enumerated, or each fault with file, key, reason and a panel that meets it. A verdict without faults is
kept beside the release or overlay, so that "labgloss serve" need not prove it again."""

LINT_EXAMPLES = """\
examples:
  labgloss knowledge lint
  labgloss knowledge lint my/knowledge
  labgloss knowledge lint --overlay site.toml     the overlay as well, entry by entry and patient by patient

exit codes:
  0  clean
  2  faults, each on a line"""

SHOW = """\
Shows the release; or an analyte with its units, codes and rules; or the rule of an id that a report names. With
--overlay FILE also what a site laid over the release, and who signed it."""

SHOW_EXAMPLES = """\
examples:
  labgloss knowledge show
  labgloss knowledge show potassium
  labgloss knowledge show MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA

exit codes:
  0  shown
  1  neither an analyte nor a rule has this id
  2  the knowledge is faulty"""

SIGNOFF = """\
Writes every figure and rule whose status is not "seen" as one Markdown document for a clinical lead: by analyte and
kind, each with what it says in words, its source, status and note, what reads it and which urgency it can bring, what
changes when it moves, and a line for name, date and signature. It names the digest of the release that it speaks of;
the same release gives the same bytes, so that two documents can be compared line by line.

A status other than "seen" says how a figure came about: recalled, proposal, decision, computed, unit_seen; not_stated
where the knowledge files give none. What is signed stays as it is until its file says "seen" or another figure."""

SIGNOFF_EXAMPLES = """\
examples:
  labgloss knowledge signoff > signoff.md
  labgloss knowledge signoff --output signoff.md
  labgloss knowledge signoff my/knowledge
  labgloss knowledge signoff --overlay site.toml     with what the site signed, and what it leaves as it is

exit codes:
  0  written
  2  the knowledge is faulty, or the file cannot be written"""

IMPACT = """\
Says what changes when the knowledge B answers in the place of A: the entries of a site's overlay that one of them has;
for every analyte, unit and kind of patient (with each choice that a request may make, each condition that a limit asks
for, and each source whose feed has settings) the stretches of values that get another answer, a result alone and
without an interval of its laboratory; every rule whose logic, urgency or recommendations differ; and which panels of
--panels are answered otherwise. Each with an example panel that both answered. Where no example was found, it says so.
Values cost seconds; an example for a rule that neither they nor --panels show is looked for over all panels (20 s).

A and B are each a folder of knowledge files, a site's overlay file, or - for the release that is shipped.

A gate is broken when an example or panel shows it:
  no-critical-lost    a result that was critical, or possibly critical, is less so
  no-urgency-lowered  a result, or the panel, is less urgent
  no-normal-gained    a result is normal that was not
A unit that one of them refuses counts: what was refused as possibly critical is less so when it is read."""

IMPACT_EXAMPLES = """\
examples:
  labgloss knowledge impact - my/knowledge
  labgloss knowledge impact - my/knowledge --panels my/panels --format json
  labgloss knowledge impact old/ new/ --gate no-critical-lost --gate no-normal-gained     in CI

exit codes:
  0  shown, and no gate is broken
  1  a gate is broken; the panel that breaks it is shown
  2  knowledge or panels cannot be read; every fault is listed"""

MUTATE = """\
Asks of each number and each clause of the knowledge whether any case would notice if it were wrong. Small faults are
made one at a time, in memory: a limit moved by one reported digit up and down, a bound flipped, an age moved, a clause,
a conditional row, a recommendation left out, an urgency moved by a step. A fault is killed when the answer to a case
differs from what the case expects, refused when the checks at start-up would not serve it; else it survives, and is
listed with file, key and the fault in words. The score is printed for each kind.

--survivors names a list of the faults that are known to survive, each with its reason:

  [[survivor]]
  reason = "why no case can tell it from the knowledge as it is"
  mutants = ["FILE: KEY: FAULT IN WORDS", ...]

kinds, for --only: limit, bound, age, clause, evidence (speaks for or against a pattern), urgency, recommendation,
withholding. All of it takes minutes."""

MUTATE_EXAMPLES = """\
examples:
  labgloss knowledge mutate --rule magnesium --only limit
  labgloss knowledge mutate --survivors tests/mutation/survivors.toml
  labgloss knowledge mutate my/panels my/knowledge/analytes/magnesium.specs.toml --knowledge my/knowledge

exit codes:
  0  every fault is found, or listed with its reason
  1  one survives that is not listed, or one that is listed does not survive
  2  knowledge, cases or the list cannot be read, or a case disagrees with the release itself"""

AUDIT = """\
Checks the decision records that "labgloss serve --audit" keeps, offline."""

AUDIT_EXAMPLES = """\
examples:
  labgloss audit verify /var/lib/labgloss
  labgloss audit verify --help"""

VERIFY = """\
Says whether chains of decision records are as they were written. Each record holds the hash of the one before it and
its own, so that every record that was changed alone is named, with file, line, chain and number:

  edited      the line is not a record as it was written
  dropped     records are missing before this line
  moved       it does not stand where its number belongs
  duplicated  it stands in another place too
  forged      it was sealed anew: the record after it holds another hash
  torn        the last line has no end: the process died while it wrote it, and gave no answer for it
  cut         the chain does not end with the head that was given

A missing end, and a change after which every later record was sealed anew, cannot be told from the records alone:
whoever can write the files can do both. --head gives the last hash, which the service logs (event "audit_head") and its
metrics show (labgloss_audit_head). --known gives a hash from the past: it must stand in a chain, or a chain must begin
right after it, where older files were removed. A hash that was kept elsewhere proves every record up to its own; how
many chains are not held by one up to their end is said last. Lines of the log among the records are passed over.
Neither key nor knowledge is needed."""

VERIFY_EXAMPLES = """\
examples:
  labgloss audit verify /var/lib/labgloss
  labgloss audit verify records-000002.jsonl --known HASH --head HASH --require-heads
  kubectl logs POD | labgloss audit verify -

exit codes:
  0  whole, or consistent in itself where not every chain is held by a hash
  1  not whole: each flaw is on a line; or there is no record; or, with --require-heads, a chain is not held
  2  a file cannot be read, or a hash is none"""

REPLAY = """\
Proves that a request still gives the report that was recorded: takes the request, which the caller kept, finds its
decision records by the digest of the panel under the site's key, interprets it on the recorded release, and compares
the digests of the reports. A request may be a panel file, or the bytes of a request as they were sent, alone or in a
batch. Where release, overlay or engine are not the recorded ones it says which are needed, and proves nothing."""

REPLAY_EXAMPLES = """\
examples:
  labgloss replay panel.toml /var/lib/labgloss --key audit-key
  labgloss replay request.bin records.jsonl --key audit-key --id 78b3fc548ddfb124-17
  labgloss replay panel.json records.jsonl --key audit-key --knowledge releases/1.0.0 --overlay site.toml

exit codes:
  0  every record that was asked for is proved
  1  a request or a report is not the recorded one, or no record is of a panel: each is named
  2  not replayed: another release or key is needed, or a file cannot be read"""

PROBE = """\
Asks the standard health service (grpc.health.v1) once whether a service serves, as the health check of a container."""

PROBE_EXAMPLES = """\
examples:
  labgloss probe
  labgloss probe --target 127.0.0.1:50051 --service labgloss.v1.InterpretationService
  labgloss probe --target labgloss.example:50051 --tls-ca ca.pem --tls-certificate me.pem --tls-key me.key

exit codes:
  0  it serves
  1  it does not serve, or was not reached"""

CDS = """\
Serves EHRs and scripts over HTTP: CDS Hooks 2.0, and panels as JSON."""

CDS_EXAMPLES = """\
examples:
  labgloss cds serve
  labgloss cds serve --help"""

CDS_SERVE = """\
Serves over HTTP until it gets SIGTERM or SIGINT. It interprets nothing itself: each request becomes a call of the gRPC
service at --target, and is refused, never guessed, while that one is not there. No card does not mean that results are
normal.

  POST /v1/panels:interpret       one panel as JSON (labgloss.v1.InterpretPanelRequest), its report as JSON
  GET  /cds-services              CDS Hooks 2.0: patient-view, order-sign, result-review; prefetch is their only data
  POST /cds-services/ID           a call of a hook: cards with their basis, proposed orders as drafts
  GET  /openapi.json              the OpenAPI document of all this
  GET  /health/live, /health/ready

Errors are problem details (RFC 9457), with the reasons that gRPC has, and every bad field at once.

Beyond this machine it serves over TLS: --tls-certificate and --tls-key. With --tls-client-ca each caller shows a
certificate; --access lists the callers, in the file that the gRPC service takes too; [[ehr]] in it, with --public-url,
takes the tokens of EHRs. These files may change while it serves. It logs JSON lines, never a patient's value. Needs the
extra "http". deploy/http.md has the rest.

Every setting is a flag or an environment variable, such as LABGLOSS_TARGET; the flag wins."""

CDS_SERVE_EXAMPLES = """\
examples:
  labgloss cds serve --target 127.0.0.1:50051 --port 8080
  labgloss cds serve --host 0.0.0.0 --tls-certificate server.pem --tls-key server.key --access access.toml \\
    --target labgloss.internal:50051 --target-tls-ca ca.pem --target-token-file token

exit codes:
  0  stopped as asked
  2  settings, certificates or the access file are wrong, or the port is taken"""


HL7 = """\
Reads HL7 v2 messages (ORU^R01, 2.3 to 2.8) as panels, and answers as an ORU^R01: the results with their flags and
comments, then findings, patterns, red flags, recommendations. What a message does not say is not known: no medication
list is no list, no problem list either. What could not be read is said in the answer."""

HL7_EXAMPLES = """\
examples:
  labgloss hl7 interpret result.hl7
  labgloss hl7 serve --spool /var/lib/labgloss --send-to ehr.example:2576 --send-tls
  labgloss hl7 serve --help"""

HL7_INTERPRET = """\
Explains every patient of every message of a file: one message, several, or a batch (FHS, BHS). The results of a message
are one panel for each of its patients (PID): order groups (OBR) of earlier draws are earlier results of it. Without
--target a service of its own answers, inside this process; nothing leaves the machine.

--format hl7 writes the answers that "labgloss hl7 serve" would send; a message that is not taken gets its ACK there,
with an ERR segment for each reason. deploy/hl7.md says what is read of a message, and how."""

HL7_INTERPRET_EXAMPLES = """\
examples:
  labgloss hl7 interpret result.hl7
  labgloss hl7 interpret result.hl7 --format hl7 | tr '\\r' '\\n'
  labgloss hl7 interpret batch.hl7 --format json --character-set 8859/1 --time-zone Europe/Berlin
  labgloss hl7 interpret - --target labgloss.example:50051 --tls < result.hl7

exit codes:
  0  every patient has a report
  1  a message is not taken, a panel is not accepted, or the service was not reached
  2  the file cannot be read, or a flag is wrong"""

HL7_SERVE = """\
Takes ORU^R01 messages over MLLP until it gets SIGTERM or SIGINT. It interprets nothing itself: each patient of a
message becomes a call of the gRPC service at --target.

The answer is an ORU^R01. With --send-to it goes to that receiver, in order, and the sender gets an ACK; without, it
goes back on the same connection, and acknowledges as well. AA is said only after the answer stands in --spool on disk:
what is not sent yet is sent on after a restart, however the process ended. The same message sent again (MSH-3, MSH-4,
MSH-10 and content, but for MSH-7) is answered alike. AE with ERR segments says what is wrong with a message; AR, that
it is none for this listener, or that there is no answer now: then send it again. The connection goes on. An answer that
its receiver refuses (AE) stays in the spool and is logged; --send-refused sends it again at the next start.

On SIGTERM it takes no more messages, answers what is under way, sends what waits for at most --drain-seconds, and ends.
It logs JSON lines, never a patient's value. The spool holds patients' data; only its owner can read it. One process
uses a spool. Beyond this machine it listens over TLS, as "labgloss serve" does; with --tls-client-ca each sender shows
a certificate. deploy/hl7.md has the rest: what is read of a message, what an answer holds, what to watch.

Every setting is a flag or an environment variable, such as LABGLOSS_SPOOL; the flag wins."""

HL7_SERVE_EXAMPLES = """\
examples:
  labgloss hl7 serve --spool /var/lib/labgloss/hl7
  labgloss hl7 serve --spool spool --target labgloss.example:50051 --target-tls --send-to ehr.example:2576 --send-tls
  labgloss hl7 serve --spool spool --host 0.0.0.0 --tls-certificate a.pem --tls-key a.key --tls-client-ca senders.pem
  labgloss hl7 serve --spool spool --character-set 8859/1 --time-zone Europe/Berlin

exit codes:
  0  stopped as asked
  2  settings or certificates are wrong, the port is taken, or the spool cannot be used"""
