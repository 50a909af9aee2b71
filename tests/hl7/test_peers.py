"""Clients and servers that nobody here wrote: those of the library hl7, on both ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import hl7
from hl7.client import MLLPClient
from hl7.mllp import HL7StreamReader, HL7StreamWriter, open_hl7_connection, start_hl7_server

from tests.hl7.served import process, receiver
from tests.unit.hl7.messages import ALL, sent


def test_a_published_client_is_acknowledged(target: str, tmp_path: Path) -> None:
    """It reads 4 KiB of a reply: enough for an ACK, or for the head of an answer."""
    with receiver() as receiving, process(target, tmp_path / "onward", "--send-to", receiving.address) as served:
        with MLLPClient("127.0.0.1", served.port, encoding="utf-8") as client:
            for name in ("us", "uk", "australian"):
                reply = hl7.parse(unframed(client.send_message(sent(ALL[name]).decode())))
                assert str(reply.segment("MSA")[1]) == "AA"
        receiving.wait_for(3)
    with process(target, tmp_path / "back") as served, MLLPClient("127.0.0.1", served.port, encoding="utf-8") as client:
        head = unframed(client.send_message(sent(ALL["us"]).decode()))
        assert head.split("\r")[1] == "MSA|AA|20087.3"


def unframed(reply: object) -> str:
    assert isinstance(reply, bytes)
    return reply.strip(b"\x0b\x1c\r").decode() + "\r"


def test_a_published_client_and_server_exchange_messages_for_answers(target: str, tmp_path: Path) -> None:
    got: list[hl7.Message] = []

    async def take(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while not reader.at_eof():
                answer = await reader.readmessage()
                got.append(answer)
                writer.writemessage(answer.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def exchange() -> str:
        async with await start_hl7_server(take, host="127.0.0.1", port=0, encoding="utf-8") as receiving:
            address = f"127.0.0.1:{receiving.sockets[0].getsockname()[1]}"
            with process(target, tmp_path, "--send-to", address, waits=False) as served:
                served.port = (await asyncio.to_thread(served.next, "serving"))["port"]
                reader, writer = await open_hl7_connection("127.0.0.1", served.port, encoding="utf-8")
                writer.writemessage(hl7.parse(sent(ALL["us"]).decode()))
                await writer.drain()
                reply = await reader.readmessage()
                until = asyncio.get_running_loop().time() + 20
                while not got and asyncio.get_running_loop().time() < until:
                    await asyncio.sleep(0.01)
                writer.close()
                await writer.wait_closed()
                await asyncio.to_thread(served.end)
        return str(reply.segment("MSA"))

    assert asyncio.run(exchange()) == "MSA|AA|20087.3"
    (answer,) = got
    assert [str(segment[0]) for segment in answer][:3] == ["MSH", "PID", "OBR"]
