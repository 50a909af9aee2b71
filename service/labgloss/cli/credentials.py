"""What a command shows to the service that it asks, from the files that its flags name."""

from __future__ import annotations

import socket
import ssl
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from labgloss.errors import SettingsError
from labgloss.files import content_of


@dataclass(frozen=True, slots=True)
class Credentials:
    """How the way to a service is encrypted, None: not at all; and what gives the token of a call, if any."""

    channel: grpc.ChannelCredentials | None = None
    token: Callable[[], str] | None = None


NO_CREDENTIALS = Credentials()


def credentials_of(arguments: object, of: str = "") -> Credentials:
    """What `--tls`, `--tls-ca`, `--tls-certificate`, `--tls-key` and `--token-file` name; a file of TLS means `--tls`.

    `of` stands before each of these names, for a command that has the flags twice, such as "target-".

    Raises: SettingsError with every file that cannot be read or does not fit, and every flag that contradicts another.
    """

    def given(name: str) -> Any:
        return getattr(arguments, f"{of}{name}".replace("-", "_"))

    faults: list[str] = []
    files = {name: given(name) for name in ("tls-ca", "tls-certificate", "tls-key")}
    ca, certificate, key = (_read(f"{of}{name}", file, faults) for name, file in files.items())
    if (files["tls-certificate"] is None) != (files["tls-key"] is None):
        faults.append(f"--{of}tls-certificate and --{of}tls-key: are needed both, or neither")
    tls = given("tls") or any(file is not None for file in files.values())
    if tls and given("plaintext"):
        faults.append(f"--{of}plaintext: contradicts the flags of TLS; leave one of them out")
    if not faults:
        faults += _misfits(files, of)
    token, token_path = None, given("token-file")
    if token_path is not None:
        from labgloss_client import token_file

        token = token_file(token_path)
        try:
            # What gives the token reads the file at each call.
            content_of(Path(token_path))
            token()
        except OSError as error:
            faults.append(f"--{of}token-file: {token_path} cannot be read: {error.strerror}")
        except ValueError as error:
            faults.append(f"--{of}token-file: {error}")
    if faults:
        raise SettingsError(tuple(faults))
    return Credentials(grpc.ssl_channel_credentials(ca, key, certificate) if tls else None, token)


def why_no_tls(target: str, arguments: Namespace, timeout_s: float) -> str:
    """What is wrong between the target's certificate and ours; empty where that is not why it does not answer.

    gRPC tells a caller of both that the service is not available.
    """
    host, _, port = target.rpartition(":")
    if not port.isdecimal() or not host:
        return ""
    host = host.removeprefix("[").removesuffix("]")
    context = ssl.create_default_context(cafile=arguments.tls_ca)
    context.set_alpn_protocols(["h2"])
    if arguments.tls_certificate is not None:
        context.load_cert_chain(arguments.tls_certificate, arguments.tls_key, password="")
    try:
        with (
            socket.create_connection((host, int(port)), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as peer,
        ):
            # By TLS 1.3 a server refuses only after the client believes itself connected.
            if peer.recv(1):
                return ""
    except ssl.SSLCertVerificationError as error:
        return f"the certificate of the service is not to be trusted: {error.verify_message}"
    except (TimeoutError, UnicodeError):
        # The latter of a host that is no name.
        return ""
    except (ssl.SSLError, ConnectionResetError):
        pass
    except OSError:
        return ""
    return "the service ended the connection in the TLS handshake, and its log says why (event refused)"


def check_token_is_safe(target: str, shown: Credentials, of: str = "") -> None:
    """Nothing. Raises SettingsError when a token would travel unencrypted to another machine."""
    if shown.token is None or shown.channel is not None:
        return
    # Only here, as below: the probe of a container is spared the client.
    from labgloss_client import is_loopback

    if not is_loopback(target):
        raise SettingsError(
            (
                f"--{of}token-file: {target} is not on this machine, and a token must not travel unencrypted: whoever "
                f"reads it can use it; add --{of}tls",
            )
        )


def _read(flag: str, file: str | Path | None, faults: list[str]) -> bytes | None:
    if file is None:
        return None
    try:
        return content_of(Path(file))
    except OSError as error:
        faults.append(f"--{flag}: {file} cannot be read: {error.strerror}")
        return None


def _misfits(files: Mapping[str, str | Path | None], of: str) -> list[str]:
    """What gRPC would say on standard error only, or not at all."""
    faults = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca, certificate, key = files["tls-ca"], files["tls-certificate"], files["tls-key"]
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (ssl.SSLError, OSError):
            faults.append(f"--{of}tls-ca: {ca} holds no certificate that can be read; PEM is needed")
    if certificate is not None:
        try:
            # An empty passphrase, so that nobody is asked for one.
            context.load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, OSError, ValueError):
            faults.append(
                f"--{of}tls-certificate: {certificate} and the key {key} are not a certificate and its key in PEM, "
                "without a passphrase"
            )
    return faults
