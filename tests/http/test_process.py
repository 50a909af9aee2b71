"""`labgloss cds serve` as a process: TLS, slow and idle callers, draining, settings."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from labgloss.http import serve
from tests.http.served import process
from tests.server.authority import EHR, URI, Authority, Pair, site

MAGNESIUM = {"panel": {"id": "p", "results": [{"analyte": "magnesium", "value": "0.41", "unit": "mmol/L"}]}}
PATH = "/v1/panels:interpret"


def client(folder: Path, shown: Pair | None = None, authority: str = "callers.pem") -> httpx.Client:
    context = ssl.create_default_context(cafile=folder / authority)
    if shown is not None:
        context.load_cert_chain(*shown.write(folder, "shown"))
    return httpx.Client(verify=context)


def test_it_serves_says_so_and_drains(target: str) -> None:
    with process(target, health_port=0, drain_seconds=0.5) as served:
        said = served.next("serving")
        health = f"http://127.0.0.1:{said['health_port']}"
        with httpx.Client(base_url=f"http://127.0.0.1:{said['port']}") as http:
            assert 200 == http.post(PATH, json=MAGNESIUM).status_code
            assert 200 == http.get("/health/ready").status_code
            assert 200 == httpx.get(f"{health}/health/ready").status_code
            # The health port answers nothing else.
            assert 404 == httpx.post(f"{health}{PATH}", json=MAGNESIUM).status_code
            served.process.send_signal(signal.SIGTERM)
            assert 0.5 == served.next("draining")["seconds"]
            # From here on balancers are told, and everything is still answered.
            assert (503, "stopping") == ((ready := http.get("/health/ready")).status_code, ready.json()["status"])
            assert 200 == http.post(PATH, json=MAGNESIUM).status_code
        lines, errors = served.rest()
        assert (0, "stopped", "") == (served.process.returncode, lines[-1]["event"], errors)


def test_a_second_signal_ends_it_at_once(target: str) -> None:
    with process(target, drain_seconds=60) as served:
        served.next("serving")
        served.process.send_signal(signal.SIGTERM)
        served.next("draining")
        begun = time.monotonic()
        assert 0 == served.end()
        assert time.monotonic() - begun < 5


def test_settings_are_checked_before_anything_listens(target: str, tmp_path: Path) -> None:
    given = {
        "port": 70_000,
        "cors_origins": "https://a.example/path,*",
        "public_url": "ehr",
        "tls_key": "k",
        "trget": "x",
    }
    with process("", **given) as served:
        errors = served.rest()[1]
    assert 2 == served.process.returncode
    for name in ("LABGLOSS_PORT", "LABGLOSS_CORS_ORIGINS", "LABGLOSS_PUBLIC_URL", "LABGLOSS_TARGET", "LABGLOSS_TRGET"):
        assert f"  {name}: " in errors
    with process("labgloss.example:50051", "--host", "0.0.0.0", "--target-tls-certificate", "c") as served:
        errors = served.rest()[1]
    assert "host: at 0.0.0.0 panels would travel unencrypted" in errors
    assert "target_tls_certificate and target_tls_key: are needed both, or neither" in errors
    with process("labgloss.example:50051") as served:
        assert "--target: labgloss.example:50051 is not on this machine" in served.rest()[1]
    token = tmp_path / "token"
    token.write_text("secret")
    with process("labgloss.example:50051", "--target-plaintext", "--target-token-file", str(token)) as served:
        assert "a token must not travel unencrypted" in served.rest()[1]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with process(target, port=taken.getsockname()[1]) as served:
            assert "cannot be listened on: Address already in use" in served.rest()[1]


# ------------------------------------------------------------------------------------------------ who calls


def test_over_mutual_tls_a_caller_is_its_certificate_and_may_what_the_access_file_says(
    target: str, tmp_path: Path
) -> None:
    made = site(tmp_path)
    stranger = made.authority.pair(URI("spiffe://hospital.example/other"))
    with process(target, **made.settings) as served:
        said = served.next("serving")
        assert "mtls" == said["transport"]
        url = f"https://localhost:{said['port']}{PATH}"
        with client(tmp_path, made.authority.pair(EHR)) as http:
            assert 200 == http.post(url, json=MAGNESIUM).status_code
            assert "spiffe://hospital.example/ehr" == served.next("call")["caller"]
            token = made.issuer.token()
            assert 200 == http.post(url, json=MAGNESIUM, headers={"authorization": f"Bearer {token}"}).status_code
            assert "sub:portal" == served.next("call")["caller"]
            for sent, cause in (
                (made.issuer.token(exp=1), "TOKEN_EXPIRED"),
                (made.issuer.token(aud="x"), "TOKEN_AUDIENCE"),
            ):
                refused = http.post(url, json=MAGNESIUM, headers={"authorization": f"Bearer {sent}"})
                assert (401, cause) == (refused.status_code, refused.json()["cause"])
                assert "Bearer" in refused.headers["www-authenticate"]
                line = served.next("refused")
                assert (cause, "spiffe://hospital.example/ehr") == (line["cause"], line["caller"])
                assert sent not in json.dumps(served.lines)
        with client(tmp_path, stranger) as http:
            refused = http.post(url, json=MAGNESIUM)
            assert (403, "CALLER_NOT_LISTED") == (refused.status_code, refused.json()["cause"])
        with client(tmp_path) as http, pytest.raises(httpx.TransportError):
            http.post(url, json=MAGNESIUM)
        other = Authority("other").pair(EHR)
        with client(tmp_path, other) as http, pytest.raises(httpx.TransportError):
            http.post(url, json=MAGNESIUM)


def test_certificates_authorities_and_callers_change_while_it_serves(target: str, tmp_path: Path) -> None:
    made = site(tmp_path)
    (tmp_path / "old.pem").write_bytes(made.authority.pem)
    with process(target, **made.settings) as served:
        port = served.next("serving")["port"]
        url = f"https://localhost:{port}{PATH}"
        old = made.authority.pair(EHR)
        with client(tmp_path, old) as http:
            assert 200 == http.post(url, json=MAGNESIUM).status_code
        new = Authority("new")
        new.server().write(tmp_path, "server")
        (tmp_path / "callers.pem").write_bytes(new.pem)
        with client(tmp_path, new.pair(EHR)) as http:
            assert 200 == http.post(url, json=MAGNESIUM).status_code
        with client(tmp_path, old) as http, pytest.raises(httpx.TransportError):
            http.post(url, json=MAGNESIUM)
        served.next("certificate_loaded")
        # A faulty one is refused, and the one before it kept.
        (tmp_path / "server.pem").write_text("nothing")
        with client(tmp_path, new.pair(EHR)) as http:
            assert 200 == http.post(url, json=MAGNESIUM).status_code
        served.next("certificate_kept")


# ------------------------------------------------------------------------------------------------ hostile callers


def test_callers_that_are_slow_or_idle_are_let_go_and_cost_others_nothing(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr("labgloss.http.exchange.BODY_SECONDS", 0.5)
    head = f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"

    def ends(port: int, sent: bytes, drip: bytes = b"") -> tuple[float, bytes]:
        """Seconds until the connection is ended, and what was answered."""
        begun, answered = time.monotonic(), b""
        with socket.create_connection(("127.0.0.1", port), 5) as end:
            end.sendall(sent)
            end.settimeout(0.1)
            while time.monotonic() - begun < 5:
                try:
                    if drip:
                        end.sendall(drip)
                    part = end.recv(65_536)
                    if not part:
                        break
                    answered += part
                except TimeoutError:
                    continue
                except OSError:
                    break
        return time.monotonic() - begun, answered

    with in_process(target) as port:
        for sent, drip, status in ((b"", b"", b""), (b"POST / HT", b"T", b""), (head.encode(), b" ", b" 408 ")):
            seconds, answered = ends(port, sent, drip)
            assert 0.3 < seconds < 3
            assert status in answered[:20]
        assert b" 400 " in ends(port, b"\x16\x03\x01 hello\r\n\r\n")[1][:20]
        assert b" 400 " in ends(port, b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 300_000)[1][:20]
        assert 200 == httpx.get(f"http://127.0.0.1:{port}/health/live").status_code


def test_a_caller_that_reads_no_answer_is_let_go(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "BODY_SECONDS", 0.5)
    with in_process(target) as port, socket.socket() as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        end.settimeout(10)
        end.connect(("127.0.0.1", port))
        begun, asked_for = time.monotonic(), b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n" * 200
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - begun < 8:
                end.sendall(asked_for)
                time.sleep(0.1)
        assert 0.3 < time.monotonic() - begun < 8
        assert 200 == httpx.get(f"http://127.0.0.1:{port}/health/live").status_code


def test_connections_beyond_their_number_are_ended(target: str) -> None:
    with in_process(target, connections=2) as port:
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            time.sleep(0.1)
            with pytest.raises(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/health/live")
        time.sleep(0.1)
        assert 200 == httpx.get(f"http://127.0.0.1:{port}/health/live").status_code


class in_process:  # noqa: N801 - reads as a function
    """The service in a thread of this process, so that its limits can be shortened; its port."""

    def __init__(self, target: str, **settings: Any) -> None:
        from labgloss.http.settings import HttpSettings
        from labgloss_client import AsyncClient

        self._settings = HttpSettings(port=0, target=target, drain_seconds=0, **settings)
        self._connect = lambda: AsyncClient(target)

    def __enter__(self) -> int:
        import io

        from labgloss.http.gate import Gate
        from labgloss.log import make_log

        listener = serve.listen(self._settings, 0)
        self._stop = threading.Event()
        log = make_log(io.BytesIO(), "info")

        async def run() -> None:
            from labgloss.http.app import Readiness, make_app

            async with self._connect() as client:
                app = make_app(self._settings, client, Gate(None), Readiness(client), log)
                server = serve._Server(app, None, self._settings.connections)
                running = asyncio.create_task(server._serve([listener]))
                while not self._stop.is_set():
                    await asyncio.sleep(0.02)
                server.should_exit = server.force_exit = True
                await running

        self._thread = threading.Thread(target=lambda: asyncio.run(run()))
        self._thread.start()
        return int(listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_the_help_needs_nothing_of_the_extra() -> None:
    import sys

    code = (
        "import sys; from labgloss.cli import main\n"
        "try: main(['cds', 'serve', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'starlette', 'uvicorn', 'grpc', 'pydantic', 'structlog'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "POST /v1/panels:interpret" in said
