"""Servers and callers of the services in api.proto, made from its descriptor: generated code wants one version of gRPC.

Both work with threads (grpc) and with coroutines (grpc.aio), whose handlers and channels have the same shape.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from katib_suggestions.rpc import api_pb2

PACKAGE = "api.v1.beta1"
SUGGESTION = f"{PACKAGE}.Suggestion"
EARLY_STOPPING = f"{PACKAGE}.EarlyStopping"
DB_MANAGER = f"{PACKAGE}.DBManager"

Behaviour = Callable[[Any, Any], Any]
"""Request and context to reply; a coroutine function on a server of grpc.aio."""


class Channel(Protocol):
    """What grpc.Channel and grpc.aio.Channel have in common."""

    def unary_unary(self, method: str, request_serializer: Any = ..., response_deserializer: Any = ...) -> Any: ...


@dataclass(frozen=True)
class Method:
    """One method of a service; all of Katib's are one request, one reply."""

    service: str
    name: str
    request: type[Any]
    reply: type[Any]

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"

    def handler(self, behaviour: Behaviour, *, parsed: bool = True) -> Any:
        reads = self.request.FromString if parsed else None
        return grpc.unary_unary_rpc_method_handler(behaviour, reads, self.reply.SerializeToString)

    def caller(self, channel: Channel) -> Any:
        return channel.unary_unary(
            self.path, request_serializer=self.request.SerializeToString, response_deserializer=self.reply.FromString
        )


def methods(service: str) -> dict[str, Method]:
    """By name, of a service by its full name."""
    described: Sequence[MethodDescriptor] = api_pb2.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods
    return {
        each.name: Method(service, each.name, GetMessageClass(each.input_type), GetMessageClass(each.output_type))
        for each in described
    }


def handlers(service: str, behaviours: Mapping[str, Behaviour], *, parsed: bool = True) -> grpc.GenericRpcHandler:
    """For ``server.add_generic_rpc_handlers``; a method that is not named stays unimplemented.

    Not ``parsed``: behaviours get the bytes of the request. What gRPC itself cannot parse, it answers with UNKNOWN.
    """
    known = methods(service)
    return grpc.method_handlers_generic_handler(
        service, {name: known[name].handler(behaviour, parsed=parsed) for name, behaviour in behaviours.items()}
    )
