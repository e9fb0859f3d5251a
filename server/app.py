"""The ASGI application: routes, limits, error answers, description."""

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from server import admin_routes, storage_routes, worker_routes
from server.body_limit import BodyLimit
from server.envelope import STORAGE_PREFIX, Answer, Refusal, install_error_answers, refusals
from server.errors import Unavailable
from server.reference_page import reference_page
from server.service import Service, ServiceDep
from server.settings import MEBIBYTE, Limits

_DESCRIPTION = (
    "Tasks, photos and videos of a worker pool. Under /api every answer is "
    '{"success", "data", "error"}. Workers send "Authorization: Worker <key>", '
    'the operator sends "Authorization: Admin <key>".'
)


class Health(BaseModel):
    """The server answers, and so does its database."""

    status: str


def create_app(service: Service, limits: Limits) -> FastAPI:
    """The application over an open service, ready for uvicorn."""
    app = FastAPI(
        title="Worker API",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # This also keeps FastAPI from promising its own 422, which never leaves this server.
        responses={"default": {"model": Refusal, "description": "refused, with the reason"}},
        redirect_slashes=False,  # a redirect is built from the Host header, which anybody can set
    )
    app.state.service = service
    install_error_answers(app)
    for router in (worker_routes.router, admin_routes.router, storage_routes.router, _router):
        app.include_router(router)

    def limit_for(path: str) -> int:
        if path.startswith(STORAGE_PREFIX):
            return limits.video_bytes
        return limits.photo_bytes if path == admin_routes.PHOTOS_PATH else MEBIBYTE

    app.add_middleware(BodyLimit, limit_for=limit_for)
    return app


_router = APIRouter()


@_router.get("/healthz", tags=["health"], responses=refusals({503: "the database is down"}))
def healthz(service: ServiceDep) -> Answer[Health]:
    """Say whether the server and its database work. Needs no key."""
    try:
        service.catalog.ping()
    except SQLAlchemyError as error:
        raise Unavailable("the database does not answer") from error
    return Answer(data=Health(status="ok"))


@_router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The description for people; needs no key, as it tells no secret."""
    return HTMLResponse(reference_page(request.app.openapi()))
