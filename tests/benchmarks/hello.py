"""The hello-world that public gRPC benchmarks ask of asyncio: a nested message with two pets, parsed and sent back.

Written from its description: grpcio's asyncio server as it comes, handlers registered as generated code registers them,
no option but what grpcio sets itself. The messages are made of a descriptor, so that no stubs lie about; the classes
are those of the same runtime.
"""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

METHOD = "/hello.Greeter/SayHello"
_FIELD = descriptor_pb2.FieldDescriptorProto


def _message(name: str, *fields: tuple[str, int, str]) -> descriptor_pb2.DescriptorProto:
    made = descriptor_pb2.DescriptorProto(name=name)
    for number, (field, kind, of) in enumerate(fields, 1):
        repeated = field.endswith("s")
        made.field.add(
            name=field,
            number=number,
            type=_FIELD.Type.ValueType(kind),
            type_name=of or None,
            label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
        )
    return made


@cache
def messages() -> tuple[Any, Any]:
    """The classes of request and reply."""
    text, whole, real, truth, inner = (
        _FIELD.TYPE_STRING, _FIELD.TYPE_INT32, _FIELD.TYPE_DOUBLE, _FIELD.TYPE_BOOL, _FIELD.TYPE_MESSAGE,
    )  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="hello.proto", package="hello", syntax="proto3")
    file.message_type.extend(
        [
            _message("Pet", ("name", text, ""), ("colour", text, "")),
            _message(
                "Hello",
                ("name", text, ""), ("weight", real, ""), ("seen", truth, ""), ("age", whole, ""),
                ("pets", inner, ".hello.Pet"),
            ),
            _message("HelloRequest", ("request", inner, ".hello.Hello")),
            _message("HelloReply", ("response", inner, ".hello.Hello")),
        ]
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = [
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"hello.{name}"))
        for name in ("HelloRequest", "HelloReply")
    ]
    return classes[0], classes[1]


def requests(count: int) -> list[bytes]:
    """So many different greetings."""
    request, _ = messages()
    pets = [{"name": "Nyx", "colour": "black"}, {"name": "Argos", "colour": "brown"}]
    greetings = [
        {"name": f"caller {number:06d}", "weight": 61.5 + number, "seen": True, "age": 40 + number % 40, "pets": pets}
        for number in range(count)
    ]
    return [request(request=greeting).SerializeToString() for greeting in greetings]


async def serve() -> None:
    import grpc

    request, reply = messages()

    async def say_hello(asked: Any, _: Any) -> Any:
        return reply(response=asked.request)

    _, service, name = METHOD.split("/")
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            say_hello, request_deserializer=request.FromString, response_serializer=reply.SerializeToString
        )
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_registered_method_handlers(service, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"event": "serving", "port": port}), flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
