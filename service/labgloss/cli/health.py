"""The standard health service (grpc.health.v1), asked."""

from __future__ import annotations

import grpc
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from labgloss.cli.credentials import NO_CREDENTIALS, Credentials

# On the wire HealthCheckRequest is a StringValue and HealthCheckResponse an Int32Value, each with the one field of
# number 1: the package of the server side is not needed to ask.
_METHOD = "/grpc.health.v1.Health/Check"
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
SERVING = "SERVING"


def serving_status(target: str, service: str, timeout_s: float, shown: Credentials = NO_CREDENTIALS) -> str:
    """`SERVING`, another status, or why there is no answer. A health check carries no panel: plaintext may go anywhere.

    An empty service stands for all of them.
    """
    # A proxy of the environment is for the world outside, and would answer for a service that does not serve.
    options = [("grpc.enable_http_proxy", 0)]
    channel = (
        grpc.insecure_channel(target, options)
        if shown.channel is None
        else grpc.secure_channel(target, shown.channel, options)
    )
    metadata = () if shown.token is None else (("authorization", f"Bearer {shown.token()}"),)
    with channel:
        check = channel.unary_unary(_METHOD, StringValue.SerializeToString, Int32Value.FromString)
        try:
            status = check(StringValue(value=service), timeout=timeout_s, metadata=metadata).value
        except grpc.RpcError as error:
            return _reason(error.code())
    return _STATUSES[status] if 0 <= status < len(_STATUSES) else str(status)


def _reason(code: grpc.StatusCode) -> str:
    return "no service of this name" if code is grpc.StatusCode.NOT_FOUND else f"no answer ({code.name})"
