"""REST under `/api`: thin faces on the Workspace. Errors are problem documents, lists are keyset pages."""

from __future__ import annotations

from anyio import CapacityLimiter
from fastapi import FastAPI, Response

from apom import __version__
from apom.api import (
    account_routes,
    admin_routes,
    asset_routes,
    attention_routes,
    batch_routes,
    export_routes,
    job_routes,
    keeping_routes,
    live,
    money_routes,
    notice_routes,
    operator_routes,
    problems,
    project_routes,
    provider_routes,
    review_routes,
    sharing_routes,
    upload_routes,
)
from apom.api.deps import TheStudio
from apom.config import LIMITS
from apom.models import Health


def create_api(operator_token: str = "") -> FastAPI:
    """The app to mount under `/api`. `operator_token`: opens the operator's routes; without one they stay shut."""
    app = FastAPI(
        title="apom",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=problems.RESPONSES,
        redirect_slashes=False,
    )
    app.state.operator_token = operator_token
    app.state.uploads = CapacityLimiter(LIMITS.uploads_at_once)
    problems.install(app)
    for module in (
        account_routes,
        admin_routes,
        operator_routes,
        project_routes,
        sharing_routes,
        notice_routes,
        review_routes,
        export_routes,
        job_routes,
        keeping_routes,
        asset_routes,
        upload_routes,
        attention_routes,
        batch_routes,
        money_routes,
        provider_routes,
        live,
    ):
        app.include_router(module.router)

    @app.get("/health")
    def health(studio: TheStudio, response: Response) -> Health:
        """Whether store, engine and jobs are well, each with a sentence; 503 when one is not."""
        found = studio.health()
        response.status_code = 200 if found.ok else 503
        return found

    return app
