"""A call of a hook as the Bundle that is interpreted. Nothing is fetched: `fhirServer` is never followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labgloss.errors import Violation
from labgloss.fhir.json_text import Json, JsonError, Object, parse, write
from labgloss.http.hooks import CONDITIONS, MEDICATIONS, OBSERVATIONS, PATIENT, SPECIMENS, STATEMENTS, Hook
from labgloss.http.problems import MOST_FAULTS, Problem, fields_are_wrong

# Asks for the whole report beside the cards.
REPORT_EXTENSION = "org.labgloss.report"

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_OF_PATIENT = re.compile(r"(?:.*/)?Patient/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?")
_MOST_INSTANCE_CHARACTERS = 200
# A list that is cut off would say of what it does not hold that it is not so.
_LISTS = (CONDITIONS, MEDICATIONS, STATEMENTS)
_KINDS = {
    PATIENT: ("Patient",),
    OBSERVATIONS: ("Observation",),
    SPECIMENS: ("Specimen",),
    CONDITIONS: ("Condition", "List"),
    MEDICATIONS: ("MedicationRequest", "Medication", "List"),
    STATEMENTS: ("MedicationStatement", "Medication", "List"),
}


@dataclass(frozen=True, slots=True)
class HookCall:
    """What a call says, as far as it is read.

    Attributes:
        instance: of the hook, by which the EHR tells its calls apart.
        patient_id: of the patient in context.
        encounter_id: of the encounter in context; empty when there is none.
        bundle: the Bundle to interpret; empty when no result was sent.
        ordered: system and code of each service among the orders that are being signed.
        has_draft_medication: whether medicines are among them.
        cut_off: keys of the prefetch that were left out because they are not whole.
        wants_report: whether the whole report is asked for.
    """

    instance: str
    patient_id: str
    encounter_id: str
    bundle: bytes
    ordered: frozenset[tuple[str, str]]
    has_draft_medication: bool
    cut_off: tuple[str, ...]
    wants_report: bool


def read_call(hook: Hook, content: bytes) -> HookCall:
    """The call of a hook.

    Raises Problem: MALFORMED_MESSAGE, INVALID_FIELDS with every fault, or PREFETCH_MISSING.
    """
    try:
        document = parse(content)
    except JsonError as error:
        raise Problem("MALFORMED_MESSAGE", f"The body is not taken: {error.description}.") from None
    if not isinstance(document, dict):
        raise fields_are_wrong((Violation("body", "BAD_FORM", "needs an object"),))
    faults: list[Violation] = []
    if document.get("hook") != hook.name:
        faults.append(Violation("hook", "UNKNOWN_VALUE", f'needs "{hook.name}", the hook of this service'))
    instance = document.get("hookInstance")
    if not isinstance(instance, str) or not 0 < len(instance) <= _MOST_INSTANCE_CHARACTERS:
        faults.append(Violation("hookInstance", "REQUIRED", "needs a UUID, which tells this call from any other"))
        instance = ""
    context = _object(document, "context", faults)
    patient_id = _identifier(context, "patientId", faults, required=True)
    encounter_id = _identifier(context, "encounterId", faults)
    prefetch = _object(document, "prefetch", faults) if document.get("prefetch") is not None else {}
    results = list(_context_results(hook, context, faults))
    orders = list(_context_orders(hook, context, faults))
    fetched = {key: list(_resources(key, prefetch.get(key), faults)) for key in _KINDS}
    _check_patient(patient_id, fetched, results, faults)
    if faults:
        raise fields_are_wrong(faults)
    cut_off = tuple(key for key in _KINDS if _is_cut_off(prefetch.get(key)))
    _check_required(hook, prefetch, fetched, cut_off)
    observations = _once([*results, *fetched[OBSERVATIONS]])
    entries = [*fetched[PATIENT], *observations, *fetched[SPECIMENS]]
    entries += [entry for key in _LISTS if key not in cut_off for entry in fetched[key]]
    extension = document.get("extension")
    own = [each for each in orders if _is_of(each, patient_id)]
    return HookCall(
        instance,
        patient_id,
        encounter_id,
        write({"resourceType": "Bundle", "type": "collection", "entry": list(entries)}) if observations else b"",
        frozenset(code for each in own if each.get("resourceType") == "ServiceRequest" for code in _codes(each)),
        any(each.get("resourceType") == "MedicationRequest" for each in own),
        cut_off,
        isinstance(extension, dict) and extension.get(REPORT_EXTENSION) is True,
    )


def _object(document: Object, key: str, faults: list[Violation]) -> Object:
    value = document.get(key)
    if isinstance(value, dict):
        return value
    faults.append(Violation(key, "REQUIRED" if value is None else "BAD_FORM", "needs an object"))
    return {}


def _identifier(context: Object, key: str, faults: list[Violation], required: bool = False) -> str:
    value = context.get(key)
    if value is None and not required:
        return ""
    if isinstance(value, str):
        # Some EHRs send a reference where an id is meant.
        ident = value.removeprefix("Patient/" if key == "patientId" else "Encounter/")
        if _ID.fullmatch(ident):
            return ident
    description = "needs an id of FHIR: 1 to 64 letters, digits, - and ."
    faults.append(Violation(f"context.{key}", "REQUIRED" if value is None else "BAD_FORM", description))
    return ""


def _context_results(hook: Hook, context: Object, faults: list[Violation]) -> Iterator[Json]:
    """The results that the context itself holds, as entries of a Bundle."""
    if not hook.results:
        return
    place, value = f"context.{hook.results}", context.get(hook.results)
    if isinstance(value, list):
        for position, each in enumerate(value):
            if len(faults) >= MOST_FAULTS:
                return
            if isinstance(each, dict) and each.get("resourceType") == "Observation":
                yield {"resource": each}
            else:
                faults.append(Violation(f"{place}[{position}]", "BAD_FORM", "needs an Observation of FHIR R4"))
    elif isinstance(value, dict) and value.get("resourceType") == "Bundle":
        yield from _entries(place, value, ("Observation",), faults)
    else:
        faults.append(Violation(place, "REQUIRED", "needs the Observations under review, as a list or a Bundle"))


def _context_orders(hook: Hook, context: Object, faults: list[Violation]) -> Iterator[Object]:
    if not hook.orders:
        return
    place, value = f"context.{hook.orders}", context.get(hook.orders)
    if not isinstance(value, dict) or value.get("resourceType") != "Bundle":
        faults.append(Violation(place, "REQUIRED", "needs a Bundle of FHIR R4 with the orders that are being signed"))
        return
    for entry in _entries(place, value, ("ServiceRequest", "MedicationRequest"), faults):
        assert isinstance(entry, dict)
        resource = entry["resource"]
        assert isinstance(resource, dict)
        yield resource


def _resources(key: str, value: Json, faults: list[Violation]) -> Iterator[Json]:
    """What a key of the prefetch holds, as entries of a Bundle; null says that the EHR has nothing."""
    place, kinds = f"prefetch.{key}", _KINDS[key]
    if value is None:
        return
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        yield from _entries(place, value, kinds, faults)
    elif isinstance(value, dict) and value.get("resourceType") in kinds:
        yield {"resource": value}
    else:
        description = f"needs a resource ({' or '.join(kinds)}), a Bundle of such, or null"
        faults.append(Violation(place, "BAD_FORM", description))


def _entries(place: str, bundle: Object, kinds: tuple[str, ...], faults: list[Violation]) -> Iterator[Json]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        faults.append(Violation(f"{place}.entry", "BAD_FORM", "needs a list"))
        return
    for position, entry in enumerate(entries):
        if len(faults) >= MOST_FAULTS:
            return
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(resource, dict):
            faults.append(Violation(f"{place}.entry[{position}]", "BAD_FORM", "needs an object with a resource"))
        # Whatever else a search brings, such as an OperationOutcome, was not asked for.
        elif resource.get("resourceType") in kinds:
            url = entry.get("fullUrl")
            yield {**({"fullUrl": url} if isinstance(url, str) else {}), "resource": resource}


def _check_patient(
    patient_id: str, fetched: dict[str, list[Json]], results: list[Json], faults: list[Violation]
) -> None:
    """That all is of the patient in context: a report on another would be the worst that can happen."""
    if not patient_id:
        return
    for key, entries in {**fetched, "results": results}.items():
        place = "context.results" if key == "results" else f"prefetch.{key}"
        if any(_patient_of(entry) not in ("", patient_id) for entry in entries):
            description = "holds what is of another patient than context.patientId names; send only what is of that one"
            faults.append(Violation(place, "CONTRADICTION", description))


def _patient_of(entry: Json) -> str:
    """The id of the patient that the resource of an entry is or names; empty where it names none by id."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict):
        return ""
    if resource.get("resourceType") == "Patient":
        ident = resource.get("id")
        return ident if isinstance(ident, str) else "unknown"
    subject = resource.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    found = _OF_PATIENT.fullmatch(reference) if isinstance(reference, str) else None
    return found[1] if found else ""


def _check_required(hook: Hook, prefetch: Object, fetched: dict[str, list[Json]], cut_off: tuple[str, ...]) -> None:
    missing = [key for key in hook.required if key not in prefetch or (key == PATIENT and not fetched[PATIENT])]
    cut = [key for key in hook.required if key in cut_off]
    if not missing and not cut:
        return
    told = [f"prefetch lacks {', '.join(missing)}"] if missing else []
    told += [f"prefetch.{key} is a page of several (it has a next link), and all of it is needed" for key in cut]
    detail = (
        f"{'; '.join(told)}. Send what the templates of {hook.id} ask for (GET /cds-services); no FHIR server is asked."
    )
    detail = detail[0].upper() + detail[1:]
    raise Problem("PREFETCH_MISSING", detail, members={"missing": [*missing, *cut]})


def _is_cut_off(value: Json) -> bool:
    links = value.get("link") if isinstance(value, dict) else None
    found = links if isinstance(links, list) else []
    return any(isinstance(link, dict) and link.get("relation") == "next" for link in found)


def _once(entries: list[Json]) -> list[Json]:
    """Each Observation once: one under review may come again in the prefetch."""
    seen: set[str] = set()
    kept: list[Json] = []
    for entry in entries:
        assert isinstance(entry, dict)
        resource = entry["resource"]
        ident = resource.get("id") if isinstance(resource, dict) else None
        if isinstance(ident, str):
            if ident in seen:
                continue
            seen.add(ident)
        kept.append(entry)
    return kept


def _is_of(order: Object, patient_id: str) -> bool:
    subject = order.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return isinstance(reference, str) and (
        reference == f"Patient/{patient_id}" or reference.endswith(f"/Patient/{patient_id}")
    )


def _codes(order: Object) -> Iterator[tuple[str, str]]:
    """System and code of what an order asks for."""
    concept = order.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else []:
        if isinstance(coding, dict):
            system, code = coding.get("system"), coding.get("code")
            if isinstance(system, str) and isinstance(code, str):
                yield system, code
