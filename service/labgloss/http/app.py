"""The application: what is at which path."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from structlog.typing import FilteringBoundLogger

from labgloss import __version__
from labgloss.http import about, cds, openapi, panels
from labgloss.http.exchange import JSON, Endpoint, Exchange, Exchanges, json_response
from labgloss.http.gate import Gate
from labgloss.http.hooks import DISCOVERY, HOOKS
from labgloss.http.problems import retry_after
from labgloss.http.settings import HttpSettings
from labgloss_client import AsyncClient, LabglossError

_HEALTH_SECONDS = 1.0


class Readiness:
    """Whether requests are to be sent here: until the service stops, as long as the one that interprets serves."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self.stopping = False

    async def ready(self) -> bool:
        """Whether they are. Never raises."""
        if self.stopping:
            return False
        try:
            return await self._client.healthy(timeout_s=_HEALTH_SECONDS)
        except LabglossError:
            return False


def make_app(
    settings: HttpSettings, client: AsyncClient, gate: Gate, readiness: Readiness, log: FilteringBoundLogger
) -> Starlette:
    """The application over a client of the gRPC service."""
    exchanges = Exchanges(log, settings.requests)
    endpoint = exchanges.endpoint
    routes = [
        *health_routes(readiness),
        Route(
            panels.PATH,
            endpoint(panels.METHOD, panels.interpreting(client, gate, settings.panel_bytes)),
            methods=["POST"],
        ),
        Route(openapi.PATH, endpoint("OpenApi", _documenting()), methods=["GET"]),
        Route(openapi.ABOUT, endpoint("About", about.telling(client)), methods=["GET"]),
        Route(DISCOVERY, endpoint("CdsDiscovery", cds.discovering(client, settings.observations)), methods=["GET"]),
    ]
    limit, seconds = settings.hook_bytes, settings.timeout_seconds
    for hook in HOOKS:
        calling = cds.calling(hook, client, gate, limit, settings.source_url, seconds)
        feedback = cds.taking_feedback(hook, gate, log)
        routes.append(Route(hook.path, endpoint(hook.id, calling), methods=["POST"]))
        routes.append(Route(f"{hook.path}/feedback", endpoint(f"{hook.id}/feedback", feedback), methods=["POST"]))
    app = Starlette(
        routes=routes,
        middleware=_cors(settings.origins),
        exception_handlers={HTTPException: exchanges.refuse},
    )
    # A client that follows would send a panel twice.
    app.router.redirect_slashes = False
    return app


def _documenting() -> Endpoint:
    document = openapi.document(__version__)

    async def answer(_: Request, __: Exchange) -> Response:
        return Response(document, media_type=JSON)

    return answer


def health_routes(readiness: Readiness) -> list[BaseRoute]:
    """`/health/live`: the process answers. `/health/ready`: requests are to be sent here. Neither is logged."""

    async def live(_: Request) -> Response:
        return json_response({"status": "live"}, headers={"cache-control": "no-store"})

    async def ready(_: Request) -> Response:
        if await readiness.ready():
            return json_response({"status": "ready"}, headers={"cache-control": "no-store"})
        headers = {"cache-control": "no-store", **retry_after(1)}
        return json_response({"status": "stopping" if readiness.stopping else "not ready"}, 503, headers)

    return [Route("/health/live", live, methods=["GET"]), Route("/health/ready", ready, methods=["GET"])]


def _cors(origins: tuple[str, ...]) -> list[Middleware]:
    """What lets web pages of these origins call; credentials come as a token, never as a cookie."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("authorization", "content-type", "x-request-id"),
            expose_headers=("x-request-id", "retry-after", "www-authenticate"),
        )
    ]
