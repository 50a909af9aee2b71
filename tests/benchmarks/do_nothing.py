"""A server that does nothing: it looks the answer up by the bytes of the request.

Started as a process of its own, by path, so that it imports gRPC and nothing of the service. Argument: a JSON file with
the path of the method, the answers in base64 by request, the service's own threads and options, and modules to import
beside gRPC.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import grpc


def main(file: str) -> None:
    told = json.loads(Path(file).read_bytes())
    for module in told["imports"]:
        import_module(module)
    answers = {b64decode(request): b64decode(answer) for request, answer in told["answers"].items()}
    service, method = told["method"].strip("/").split("/")

    def answer(request: bytes, _: grpc.ServicerContext) -> bytes:
        return answers[request]

    handler = grpc.method_handlers_generic_handler(service, {method: grpc.unary_unary_rpc_method_handler(answer)})
    options = [(name, value) for name, value in told["options"]]
    server = grpc.server(ThreadPoolExecutor(told["threads"]), handlers=[handler], options=options)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"event": "serving", "port": port}), flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1])
