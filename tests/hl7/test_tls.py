"""TLS on every way: from senders, who may have to show a certificate, and to the receiver."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest

from tests.hl7.served import Sender, code_of, process, receiver
from tests.server.authority import CLIENT, SERVER, Authority, Pair
from tests.unit.hl7.messages import US, sent


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def flags(folder: Path, authority: Authority, senders: Authority | None = None) -> list[str]:
    """Flags of a listener over TLS, with the authority of its senders."""
    certificate, key = authority.server().write(folder, "listener")
    given = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    if senders is not None:
        (folder / "senders.pem").write_bytes(senders.pem)
        given += ["--tls-client-ca", str(folder / "senders.pem")]
    return given


def context(folder: Path, authority: Authority, shown: Pair | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=authority.pem.decode())
    if shown is not None:
        made.load_cert_chain(*shown.write(folder, "shown"))
    return made


def test_messages_come_over_tls(target: str, tmp_path: Path, authority: Authority) -> None:
    with process(target, tmp_path / "spool", *flags(tmp_path, authority)) as served:
        assert served.lines[-1]["transport"] == "tls"
        with Sender(served.port, context(tmp_path, authority)) as sender:
            assert sender.code(sent(US)) == "AA"
        with pytest.raises(ssl.SSLCertVerificationError):
            Sender(served.port, context(tmp_path, Authority("other")))
        # In plaintext: ended, and the next one is served.
        with Sender(served.port) as plain, pytest.raises(OSError):
            plain.send(sent(US))
        with Sender(served.port, context(tmp_path, authority)) as sender:
            assert sender.code(sent(US)) == "AA"
        assert served.end() == 0
        assert served.errors() == ""
    refused = [line for line in served.lines if line["event"] == "refused"]
    assert {line["cause"] for line in refused} == {"handshake"}
    assert "WRONG_VERSION_NUMBER" in [line["reason"] for line in refused]


def test_only_senders_with_a_certificate_of_the_authorities_are_let_in(
    target: str, tmp_path: Path, authority: Authority
) -> None:
    senders = Authority("senders")
    with process(target, tmp_path / "spool", *flags(tmp_path, authority, senders)) as served:
        assert served.lines[-1]["transport"] == "mtls"
        with Sender(served.port, context(tmp_path, authority, senders.pair(usage=(CLIENT,)))) as sender:
            assert sender.code(sent(US)) == "AA"
        for shown in (None, authority.pair(usage=(CLIENT,)), senders.pair(usage=(CLIENT,), ends=-0.5)):
            with pytest.raises(OSError), Sender(served.port, context(tmp_path, authority, shown)) as sender:
                sender.send(sent(US))
            refused = served.next("refused")
            wanted = "PEER_DID_NOT_RETURN_A_CERTIFICATE" if shown is None else "CERTIFICATE_VERIFY_FAILED"
            assert (refused["cause"], refused["reason"], refused["transport"]) == ("handshake", wanted, "mtls")


def test_a_new_certificate_is_served_without_a_restart(target: str, tmp_path: Path, authority: Authority) -> None:
    with process(target, tmp_path / "spool", *flags(tmp_path, authority)) as served:
        renewed = Authority("renewed")
        time.sleep(0.01)
        renewed.server().write(tmp_path, "listener")
        with Sender(served.port, context(tmp_path, renewed)) as sender:
            assert sender.code(sent(US)) == "AA"
        served.next("certificate_loaded")


def test_answers_go_to_the_receiver_over_tls_and_only_to_the_right_one(
    target: str, tmp_path: Path, authority: Authority
) -> None:
    receiving_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem.decode())
    receiving_context.verify_mode = ssl.CERT_REQUIRED
    receiving_context.load_cert_chain(*authority.server().write(tmp_path, "receiver"))
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "other.pem").write_bytes(Authority("other").pem)
    certificate, key = authority.pair(usage=(CLIENT, SERVER)).write(tmp_path, "ours")
    shown = ("--send-tls-certificate", str(certificate), "--send-tls-key", str(key))
    with receiver(context=receiving_context) as receiving:
        wrong = ("--send-to", receiving.address, "--send-tls-ca", str(tmp_path / "other.pem"), *shown)
        with process(target, tmp_path / "spool", *wrong) as served, Sender(served.port) as sender:
            assert code_of(sender.send(sent(US))) == "AA"
            assert served.next("not_sent")["cause"] == "SSLCertVerificationError"
            assert receiving.accepted == []
            served.end()
        right = ("--send-to", receiving.address, "--send-tls-ca", str(tmp_path / "ca.pem"), *shown)
        with process(target, tmp_path / "spool", *right):
            (answer,) = receiving.wait_for(1)
    assert answer.header.code(3) == "LABGLOSS"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--send-tls-ca", "empty.pem"), "--send-tls-ca: empty.pem holds no certificate that can be read"),
        (
            ("--send-tls-certificate", "empty.pem", "--send-tls-key", "empty.pem"),
            "are not a certificate and its key in PEM, without a passphrase",
        ),
        (("--send-tls-certificate", "empty.pem"), "send_tls_certificate and send_tls_key: are needed both, or neither"),
        (("--send-tls", "--send-plaintext"), "send_plaintext: contradicts the settings of TLS to the receiver"),
    ],
)
def test_files_of_tls_that_do_not_fit_stop_the_start(
    given: tuple[str, ...], said: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.pem").write_bytes(b"")
    with process(target, tmp_path / "spool", "--send-to", "127.0.0.1:1", *given, waits=False) as served:
        assert said in served.errors()
        assert served.process.returncode == 2
