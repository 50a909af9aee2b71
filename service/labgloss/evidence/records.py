"""The decision records: who asked, when, which release decided, by which rules, what it refused. No patient data.

What a record holds, and why it can be nothing of a patient:

- `time`, `status`, `reason`, `error_id`: the service's own; the time is that of answering.
- `caller`: the identity in the caller's credentials, a system or whoever the site gave a token.
- `method`; `panel` and `panels`: a name of the API; the position of the panel in its message, and their number.
- `release`, `digest`, `engine`, `overlay`, `overlay_digest`: the knowledge that decided.
- `rules`, `refusals`: ids of the release; reasons of a closed list, counted.
- `request`, `report`, `message`: HMAC-SHA-256 under the site's key. Without a key they are left out, because the plain
  hash of a small request is found by trying.

What it does not hold: ids, texts and values as sent; the urgency and all else that the report says, of which its digest
is proof enough; sizes, which would tell one panel from another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted

from google.protobuf.message import Message

from labgloss.errors import CallError, InternalError
from labgloss.evidence.call import Call, Decision
from labgloss.evidence.chain import DECISION, body_of
from labgloss.evidence.journal import Journal, now
from labgloss.evidence.site_key import SiteKey
from labgloss.knowledge.release import ReleaseReference
from labgloss.wire.status import code_of

# A larger message is refused before it is read, and must not cost more than that.
_DIGESTED_BYTES = 1_048_576


class Records:
    """Records of the decisions of one worker. Each method returns once they are written, and raises OSError."""

    def __init__(self, journal: Journal, key: SiteKey | None) -> None:
        self.journal = journal
        self._key = key
        self._last: tuple[ReleaseReference | None, str] = None, ""

    def decided(self, call: Call, decisions: tuple[Decision, ...]) -> str:
        """Records each panel of an answer; the id of the first record."""
        begin, release, panels = _begin_of(call), self._stated(call.release), len(decisions)
        return self.journal.append(
            [
                f'{begin},"panel":{position},"panels":{panels},{self._decided(decision, release)}}}'.encode()
                for position, decision in enumerate(decisions)
            ]
        )

    def refused(self, call: Call, error: CallError, message: bytes | None) -> str:
        """Records a call, or a message of a stream, that was refused as a whole; the id of the record."""
        fields = {**_asked(call), **_refusal(error), **_release(call.release)}
        if self._key and message is not None and len(message) <= _DIGESTED_BYTES:
            fields["message"] = self._key.digest(message)
        return self.journal.append([body_of(DECISION, fields)])

    def close(self) -> None:
        """Ends the chain."""
        self.journal.close()

    def _stated(self, reference: ReleaseReference) -> str:
        """The fields of a release, which are those of the call before but for a swap."""
        last, stated = self._last
        if last is not reference:
            stated = _members(_release(reference))
            self._last = reference, stated
        return stated

    def _decided(self, decision: Decision, release: str) -> str:
        status = '"status":"OK"' if decision.error is None else _members(_refusal(decision.error))
        parts = [status, release]
        if decision.rule_ids:
            parts.append(f'"rules":[{",".join(map(quoted, sorted(decision.rule_ids)))}]')
        if decision.refusals:
            parts.append(_members({"refusals": dict(sorted(Counter(decision.refusals).items()))}))
        if self._key:
            parts.append(f'"request":"{self._key.digest(content_of(decision.panel))}"')
            if decision.report is not None:
                parts.append(f'"report":"{self._key.digest(decision.report)}"')
        return ",".join(parts)


def _begin_of(call: Call) -> str:
    """How the body of a decision begins: as body_of would write it, without an encoder for each."""
    return f'{{"kind":"{DECISION}","time":"{now()}","caller":{quoted(call.caller)},"method":{quoted(call.method.name)}'


def _members(fields: Mapping[str, object]) -> str:
    """Fields as they stand between the braces of a body."""
    return body_of(DECISION, fields).decode().removeprefix(f'{{"kind":"{DECISION}",').removesuffix("}")


def content_of(panel: Message) -> bytes:
    """The bytes of a panel that its digest is of: the same however it was sent, alone or in a batch."""
    return panel.SerializeToString(deterministic=True)


def header_of(
    worker: int, pid: int, software: str, release: ReleaseReference, key: SiteKey | None
) -> dict[str, object]:
    """What the first record of a chain and of each file says: who keeps it, and of what."""
    header: dict[str, object] = {"worker": worker, "pid": pid, "software": software, **_release(release)}
    return header | ({"key": key.fingerprint} if key else {})


def _asked(call: Call) -> dict[str, object]:
    return {"time": now(), "caller": call.caller, "method": call.method.name}


def _release(reference: ReleaseReference) -> dict[str, object]:
    stated: dict[str, object] = {
        "release": reference.version,
        "digest": reference.digest,
        "engine": reference.engine,
    }
    if reference.overlay_digest:
        stated |= {"overlay": reference.overlay, "overlay_digest": reference.overlay_digest}
    return stated


def _refusal(error: CallError) -> dict[str, object]:
    stated: dict[str, object] = {"status": code_of(error), "reason": error.reason}
    return stated | ({"error_id": error.error_id} if isinstance(error, InternalError) else {})
