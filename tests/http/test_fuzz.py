"""Whatever is sent has a defined answer: never a defect, never a word of it in the log, and the service goes on."""

from __future__ import annotations

import copy
import json
import random
import socket
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict

from labgloss.v1.interpretation_pb2 import InterpretPanelRequest
from tests.http.served import App, asked
from tests.http.test_cds_hooks import PATIENT, REVIEW, SIGN, VIEW, call, feedback, observation, searched
from tests.http.test_openapi import PANELS
from tests.http.test_process import PATH, in_process

CANARY = "canary7391"
ANYTHING: list[Any] = [
    None, True, 0, -1, 2**31, 2**70, 1.5, 1e308, "", "0.41", "<4.0", CANARY, f"Patient/{CANARY}", "\u202e<b>",
    [], [[]], {},
    {"x": CANARY}, [None], {"resourceType": "Bundle"},
    {"resourceType": CANARY, "id": CANARY}, PATIENT, "x" * 5_000,
]  # fmt: skip


def spoiled(document: Any, dice: random.Random) -> Any:
    """The document with up to four things in it replaced, added, doubled or taken away."""
    document = copy.deepcopy(document)
    for _ in range(dice.randrange(1, 5)):
        place = document
        while True:
            inner = [
                each for each in (place.values() if isinstance(place, dict) else place) if isinstance(each, dict | list)
            ]
            inner = [each for each in inner if each]
            if not inner or dice.random() < 0.2:
                break
            place = dice.choice(inner)
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
        match dice.randrange(4):
            case 0:
                place[key] = copy.deepcopy(dice.choice(ANYTHING))
            case 1:
                del place[key]
            case 2 if isinstance(place, list):
                place.extend(copy.deepcopy(place)[: dice.randrange(5)])
            case _ if isinstance(place, dict):
                place[dice.choice(["x", "id", "resourceType", "status", "code", CANARY])] = copy.deepcopy(
                    dice.choice(ANYTHING)
                )
        if not document:
            break
    return document


def requests(dice: random.Random, count: int) -> list[tuple[str, bytes]]:
    drafts = searched({"resourceType": "ServiceRequest", "id": "r", "subject": {"reference": "Patient/p1"}})
    samples: list[tuple[str, Any]] = [
        (f"/cds-services/{VIEW}", call()),
        (f"/cds-services/{SIGN}", call(SIGN, context={"draftOrders": drafts})),
        (f"/cds-services/{REVIEW}", call(REVIEW, context={"results": [observation("2823-3", "2.4", "mmol/L")]})),
        (f"/cds-services/{VIEW}/feedback", feedback()),
    ]
    for panel in PANELS[::40]:
        document = MessageToDict(InterpretPanelRequest(panel=panel), preserving_proto_field_name=True)
        samples.append((PATH, document))
    made = []
    for _ in range(count):
        path, document = dice.choice(samples)
        content = json.dumps(spoiled(document, dice)).encode()
        if dice.random() < 0.2:
            at = dice.randrange(len(content) or 1)
            content = content[:at] + dice.randbytes(dice.randrange(4)) + content[at + dice.randrange(3) :]
        made.append((path, content))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_a_spoiled_request_has_a_defined_answer(seed: int, target: str) -> None:
    dice = random.Random(seed)

    async def asking(served: App) -> tuple[list[tuple[bytes, httpx.Response]], str]:
        headers = {"content-type": "application/json"}
        answers = [
            (content, await served.http.post(path, content=content, headers=headers))
            for path, content in requests(dice, 200)
        ]
        return answers, served.stream.getvalue().decode()

    answers, logged = asked(target, asking)
    for content, response in answers:
        assert response.status_code in (200, 400, 412, 413), (content, response.text)
        if response.status_code != 200:
            assert CANARY not in response.text, content
    assert CANARY not in logged
    assert {200, 400} <= {response.status_code for _, response in answers}


def test_bytes_of_any_kind_leave_the_service_as_it_was(target: str) -> None:
    dice = random.Random(7)
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}".encode()
    )
    with in_process(target) as port:
        for _ in range(150):
            sent = bytearray(head * dice.randrange(1, 3))
            for _ in range(dice.randrange(8)):
                sent[dice.randrange(len(sent))] = dice.randrange(256)
            with socket.create_connection(("127.0.0.1", port), 5) as end:
                end.sendall(bytes(sent))
                end.shutdown(socket.SHUT_WR)
                end.settimeout(5)
                answered = b""
                try:
                    while part := end.recv(65_536):
                        answered += part
                except ConnectionResetError:
                    pass
            assert not answered or answered.startswith(b"HTTP/1.1 4"), (bytes(sent), answered[:100])
        assert 200 == httpx.get(f"http://127.0.0.1:{port}/health/live").status_code
