"""The listener in front of the real gRPC server: what it replies, keeps, sends on, and survives."""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labgloss.hl7.message import Message
from tests.hl7.served import END, VT, Process, Receiver, Sender, code_of, process, receiver
from tests.unit.hl7.messages import ALL, OBR, PID, POTASSIUM, US, message, sent


def numbered(number: int) -> bytes:
    """A message of its own control id, whose answer can be told by it."""
    return message(PID, OBR, POTASSIUM).replace(b"|M1|", f"|N{number}|".encode())


def number_of(answer: Message) -> int:
    """The number of the message that an answer is about, by the order number of its interpretation."""
    orders = [one for one in answer.segments if one.name == "OBR" and one.code(4) == "INTERPRETATION"]
    return int(orders[0].code(3).partition(".")[0].removeprefix("N"))


@pytest.fixture(scope="module")
def listener(target: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One that several tests send to, and that none of them may harm."""
    with process(target, tmp_path_factory.mktemp("spool")) as served:
        yield served
        assert served.end() == 0
        assert served.errors() == ""
        assert not [line for line in served.lines if line["event"] in ("defect", "library")]


def errors(reply: Message) -> list[str]:
    return [one.text(8) for one in reply.segments if one.name == "ERR"]


# ---------------------------------------------------------------------------------------------- replies


def test_each_message_is_answered_on_the_connection_it_came_by(listener: Process) -> None:
    with Sender(listener.port) as sender:
        for name, content in ALL.items():
            reply = sender.send(sent(content))
            assert (reply.header.code(9), code_of(reply)) == ("ORU", "AA"), name
            assert any(one.code(3) == "SUMMARY" for one in reply.segments if one.name == "OBX")
        said = listener.next("message")
        assert said["status"] == "AA"
        assert said["panels"] == 1


def test_malformed_messages_get_an_err_and_the_connection_survives(listener: Process) -> None:
    with Sender(listener.port) as sender:
        for content, code, text in (
            (b"", "AR", "does not begin with an MSH segment"),
            (b"hello", "AR", "does not begin with an MSH segment"),
            (b"MSH|", "AR", "does not begin with an MSH segment"),
            (b"MSH|||||", "AR", "name no delimiters"),
            (message(PID).replace(b"ORU^R01^ORU_R01", b"ADT^A01"), "AR", "only ORU messages"),
            (message(PID).replace(b"|2.5.1|", b"|4.0|"), "AR", ""),
            (message(), "AE", "holds no PID, OBR or OBX"),
            (message(PID, OBR, POTASSIUM).replace(b"|M1|", b"||"), "AE", "is empty"),
            (message("PID|1||1||DOE||20300101", OBR, POTASSIUM), "AE", "it lies after"),
        ):
            reply = sender.send(content)
            assert (reply.header.code(9), code_of(reply)) == ("ACK", code), content
            assert text in "".join(errors(reply))
        assert sender.code(sent(US)) == "AA"


def test_a_message_without_a_result_is_accepted(listener: Process) -> None:
    with Sender(listener.port) as sender:
        assert sender.send(message(PID, OBR)).segments[1].written == "MSA|AA|M1|no result to interpret"


def test_what_is_no_frame_gets_an_ar_and_what_follows_is_read(target: str, tmp_path: Path) -> None:
    whole = VT + sent(US) + END
    with process(target, tmp_path, "--message-bytes", "4096") as served, Sender(served.port) as sender:
        sender.raw(b"GET / HTTP/1.1\r\n\r\n")
        assert code_of(sender.reply()) == "AR"
        # A frame that lost its start.
        sender.raw(sent(US) + END)
        assert code_of(sender.reply()) == "AE"
        # Blanks between frames, FS alone at the end, a frame in pieces.
        sender.raw(b"\r\n" + whole[:-1])
        assert code_of(sender.reply()) == "AA"
        for at in range(0, len(whole), 97):
            sender.raw(whole[at : at + 97])
            time.sleep(0.001)
        assert code_of(sender.reply()) == "AA"
        # One that was given up for another.
        sender.raw(whole[:200] + whole)
        assert code_of(sender.reply()) == "AA"
        # FS inside a text is no end.
        sender.raw(VT + message(PID, OBR, POTASSIUM, "OBX|2|TX|T^T^L||a\x1cb||||||F") + END)
        assert code_of(sender.reply()) == "AA"
        # Too large: skipped to its end, answered by its control id.
        sender.raw(VT + message(PID, OBR, "OBX|1|TX|T^T^L||" + "x" * 200_000) + END)
        reply = sender.reply()
        assert (code_of(reply), reply.segments[1].text(2), errors(reply)) == (
            "AE",
            "M1",
            ["the message is larger than is taken here"],
        )
        assert sender.code(sent(US)) == "AA"


def test_several_frames_at_once_are_answered_in_their_order(listener: Process) -> None:
    with Sender(listener.port) as sender:
        sender.raw(b"".join(VT + numbered(number) + END for number in range(5)))
        assert [sender.reply().segments[1].text(2) for _ in range(5)] == [f"N{number}" for number in range(5)]


def test_a_sender_that_closes_its_half_still_gets_its_answer(listener: Process) -> None:
    with Sender(listener.port) as sender:
        sender.raw(VT + sent(US) + END)
        sender.socket.shutdown(socket.SHUT_WR)
        assert code_of(sender.reply()) == "AA"


def test_duplicates_are_answered_alike_and_a_reused_control_id_is_not_one(target: str, tmp_path: Path) -> None:
    first = message(PID, OBR, POTASSIUM)
    with process(target, tmp_path) as served, Sender(served.port) as sender:
        sender.raw(VT + first + END)
        reply = sender.reply_bytes()
        later = first.replace(b"20260115093000+0100", b"20260115094500+0100")
        for again in (first, later, first.replace(b"\r", b"\r\n")):
            sender.raw(VT + again + END)
            assert sender.reply_bytes() == reply
        other = first.replace(b"|4.1|", b"|6.9|")
        sender.raw(VT + other + END)
        assert b"|6.9|" in sender.reply_bytes()
    # Also after a restart.
    with process(target, tmp_path) as served, Sender(served.port) as sender:
        sender.raw(VT + first + END)
        assert sender.reply_bytes() == reply


def test_two_patients_are_answered_apart_and_a_bad_one_does_not_take_the_other_along(listener: Process) -> None:
    two = message("PID|1||A||ADA||19580402|F", OBR, POTASSIUM, "PID|2||B||BOB||20300101|M", OBR, POTASSIUM)
    with Sender(listener.port) as sender:
        reply = sender.send(two)
    assert code_of(reply) == "AA"
    names = [one.code(5) if one.name == "PID" else one.code(3) for one in reply.segments if one.name in ("PID", "OBX")]
    assert names[0] == "ADA"
    assert names[names.index("BOB") + 1] == "NOT_INTERPRETED"


def test_ten_thousand_results_are_refused_by_their_number(listener: Process) -> None:
    many = message(PID, OBR, *[POTASSIUM] * 10_000)
    with Sender(listener.port) as sender:
        reply = sender.send(many)
        assert code_of(reply) == "AE"
        assert sender.code(sent(US)) == "AA"


def test_two_hundred_results_with_long_comments_are_answered(listener: Process) -> None:
    """More than a call about one panel holds."""
    long = message(PID, OBR, *(line for _ in range(200) for line in (POTASSIUM, "NTE|1||" + "word " * 180)))
    with Sender(listener.port) as sender:
        assert sender.code(long) == "AA"


def test_without_the_service_the_message_is_to_be_sent_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        target = f"127.0.0.1:{nobody.getsockname()[1]}"
        with process(target, tmp_path, "--timeout-seconds", "0.3") as served, Sender(served.port) as sender:
            reply = sender.send(sent(US))
            assert code_of(reply) == "AR"
            assert errors(reply) == [
                "the service gives no report just now; nothing is wrong with the message; send it again later"
            ]
            said = served.next("message")
            assert (said["status"], said["reason"]) == ("AR", "deadlineexceeded")


def test_an_incomplete_frame_is_answered_and_ended(target: str, tmp_path: Path) -> None:
    with process(target, tmp_path, "--message-seconds", "1") as served, Sender(served.port) as sender:
        sender.raw(VT + sent(US)[:300])
        assert code_of(sender.reply()) == "AE"
        with pytest.raises(ConnectionError):
            sender.reply()


def test_connections_are_bounded_and_silent_ones_end(target: str, tmp_path: Path) -> None:
    with (
        process(target, tmp_path, "--connections", "2", "--idle-seconds", "4") as served,
        Sender(served.port) as one,
        Sender(served.port) as two,
    ):
        assert one.code(sent(US)) == two.code(sent(US)) == "AA"
        with Sender(served.port) as third, pytest.raises(OSError):
            third.send(sent(US))
        for silent in (one, two):
            with pytest.raises(ConnectionError):
                silent.reply()
        with Sender(served.port) as fourth:
            assert fourth.code(sent(US)) == "AA"


# ---------------------------------------------------------------------------------------------- sending on


def test_answers_go_to_the_receiver_in_order_and_the_sender_gets_an_ack(target: str, tmp_path: Path) -> None:
    with (
        receiver() as receiving,
        process(target, tmp_path, "--send-to", receiving.address) as served,
        Sender(served.port) as sender,
    ):
        for number in range(10):
            reply = sender.send(numbered(number))
            assert (reply.header.code(9), code_of(reply)) == ("ACK", "AA")
        accepted = receiving.wait_for(10)
    assert [number_of(answer) for answer in accepted] == list(range(10))
    assert [one.name for one in accepted[0].segments][:2] == ["MSH", "PID"]
    assert accepted[0].header.code(3) == "LABGLOSS"


def test_what_could_not_be_sent_is_sent_after_a_restart_in_order(target: str, tmp_path: Path) -> None:
    with receiver() as closed:
        address = closed.address
    with process(target, tmp_path, "--send-to", address) as served, Sender(served.port) as sender:
        for number in range(5):
            assert sender.code(numbered(number)) == "AA"
        served.next("not_sent")
        assert served.end() == 0
    with (
        receiver(int(address.rpartition(":")[2])) as receiving,
        process(target, tmp_path, "--send-to", address) as served,
    ):
        assert served.lines[-1]["records"] == 5
        assert [number_of(answer) for answer in receiving.wait_for(5)] == list(range(5))


def test_an_answer_that_is_refused_is_kept_and_does_not_hold_up_the_others(target: str, tmp_path: Path) -> None:
    with receiver(code=lambda answer: "AE" if number_of(answer) == 1 else "AA") as receiving:
        with process(target, tmp_path, "--send-to", receiving.address) as served, Sender(served.port) as sender:
            for number in range(3):
                assert sender.code(numbered(number)) == "AA"
            assert served.next("answer_refused")["status"] == "AE"
            assert [number_of(answer) for answer in receiving.wait_for(2)] == [0, 2]
            served.end()
        receiving.code = lambda _: "AA"
        with process(target, tmp_path, "--send-to", receiving.address, "--send-refused") as served:
            assert number_of(receiving.wait_for(3)[-1]) == 1


@pytest.mark.parametrize("code", ["AR", "CR", "", "XX"])
def test_an_answer_that_is_not_taken_for_now_is_sent_again_and_holds_its_place(
    code: str, target: str, tmp_path: Path
) -> None:
    refusals = iter([code, code])
    with (
        receiver(code=lambda _: next(refusals, "AA")) as receiving,
        process(target, tmp_path, "--send-to", receiving.address) as served,
        Sender(served.port) as sender,
    ):
        if code == "":
            # Nothing comes back at all: the receiver ends the connection instead of 30 s of waiting.
            receiving.code = lambda _: _close(receiving)
        for number in range(3):
            assert sender.code(numbered(number)) == "AA"
        if code == "":
            served.next("not_sent")
            receiving.code = lambda _: "AA"
        assert [number_of(answer) for answer in receiving.wait_for(3)] == [0, 1, 2]


def _close(receiving: Receiver) -> str:
    for connection in receiving._connections:
        connection.close()
    return ""


def test_a_full_spool_is_said_and_nothing_is_acknowledged(target: str, tmp_path: Path) -> None:
    with receiver() as closed:
        address = closed.address
    with process(target, tmp_path, "--send-to", address, "--waiting", "2") as served, Sender(served.port) as sender:
        assert [sender.code(numbered(number)) for number in range(4)] == ["AA", "AA", "AR", "AR"]


# ---------------------------------------------------------------------------------------------- the process


def test_sigterm_answers_what_is_under_way_and_ends(target: str, tmp_path: Path) -> None:
    with process(target, tmp_path) as served, Sender(served.port) as sender, Sender(served.port) as silent:
        assert silent.code(sent(US)) == "AA"
        sender.raw(VT + numbered(1) + END)
        served.process.send_signal(signal.SIGTERM)
        assert code_of(sender.reply()) == "AA"
        assert served.errors() == ""
        assert served.process.returncode == 0
    assert served.lines[-1]["event"] == "stopped"


def test_no_patient_s_value_is_in_the_log_and_only_the_owner_reads_the_spool(target: str, tmp_path: Path) -> None:
    with process(target, tmp_path / "spool", "--log-level", "debug") as served, Sender(served.port) as sender:
        for content in ALL.values():
            sender.send(sent(content))
        sender.send(message("PID|1||CANARY^^^X||CANARY||20300101", OBR, POTASSIUM.replace("4.1", "CANARY")))
        sender.raw(b"CANARY\x1c\r")
        sender.reply()
        served.end()
        said = str(served.lines) + served.errors()
    for value in ("CANARY", "TESTPATIENT", "Müller", "20087.3", "LAB4711", "S-100", "cramps"):
        assert value not in said, value
    for file in (tmp_path / "spool").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700


def test_a_spool_is_used_by_one_process(target: str, tmp_path: Path) -> None:
    with process(target, tmp_path), process(target, tmp_path, waits=False) as second:
        assert f"--spool: {tmp_path} cannot be used: another process uses it" in second.errors()
        assert second.process.returncode == 2


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--host", "0.0.0.0"), "host: at 0.0.0.0 panels would travel unencrypted"),
        (("--send-to", "ehr.example:2576"), "send_to: ehr.example:2576 is not on this machine"),
        (("--send-to", "nowhere"), "--send-to: needs HOST:PORT of the receiver"),
        (("--send-tls",), "send_to: is missing, and another setting is about the way there"),
        (("--target", "labgloss.example:1"), "--target: labgloss.example:1 is not on this machine"),
        (("--character-set", "EBCDIC"), "--character-set: needs a character set as MSH-18 names it"),
        (("--time-zone", "Mars/Base"), "--time-zone: is no time zone that this machine knows"),
        (("--tls-certificate", "missing.pem", "--tls-key", "missing.key"), "missing.pem cannot be read"),
        (("--connections", "0", "--idle-seconds", "x"), "--idle-seconds: needs a number of seconds"),
    ],
)
def test_wrong_settings_stop_the_start(flags: tuple[str, ...], said: str, target: str, tmp_path: Path) -> None:
    with process(target, tmp_path, *flags, waits=False) as served:
        assert said in served.errors()
        assert served.process.returncode == 2
    assert served.lines == []


def test_an_unusable_spool_stops_the_start(target: str, tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_bytes(b"no database at all, and longer than its head" * 100)
    with process(target, tmp_path, waits=False) as served:
        assert "cannot be used: file is not a database" in served.errors()
        assert served.process.returncode == 2


def test_what_was_done_with_long_ago_is_forgotten(target: str, tmp_path: Path) -> None:
    with process(target, tmp_path) as served, Sender(served.port) as sender:
        assert sender.code(sent(US)) == "AA"
        served.end()
    database = sqlite3.connect(tmp_path / "answers.sqlite")
    with database:
        database.execute("UPDATE answer SET done = done - 400000")
    database.close()
    with process(target, tmp_path) as served, Sender(served.port) as sender:
        assert sender.code(numbered(1)) == "AA"
        served.end()
    database = sqlite3.connect(tmp_path / "answers.sqlite")
    assert database.execute("SELECT control_id FROM answer").fetchall() == [("N1",)]
    database.close()


def test_fuzz_ends_in_an_ack_of_some_kind_and_never_in_a_crash(listener: Process) -> None:
    chance = random.Random(7)
    contents = [sent(content) for content in ALL.values()]
    with Sender(listener.port) as sender:
        for _ in range(400):
            content = bytearray(chance.choice(contents))
            for _ in range(chance.randint(1, 12)):
                at = chance.randrange(len(content))
                what = chance.randrange(4)
                if what == 0:
                    content[at] = chance.choice([*b'|^~\\&\r\n"\0', *range(32, 256)])
                elif what == 1:
                    del content[at : at + chance.randint(1, 40)]
                elif what == 2:
                    content[at:at] = content[chance.randrange(len(content)) :][: chance.randint(1, 60)]
                else:
                    content[at:at] = chance.choice([b"\\X", b'""', b"\\.br\\", b"^^^", b"\x85", b"||", b"9" * 40])
            clean = bytes(content).replace(b"\x0b", b"").replace(b"\x1c", b"")
            assert sender.code(clean) in ("AA", "AE", "AR")
        assert sender.code(sent(US)) == "AA"
