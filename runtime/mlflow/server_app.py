"""The app that uvicorn runs in each process of the server: MLflow's own, inside what it lacks."""

import importlib
import os

import artifact_locations
import database_pool
import own_login
from audit_log import AuditLog
from open_metrics import OpenMetrics
from request_limits import DatabaseTurns, FailuresAnswered, UnpackedTraces
from required import missing, required
from run_owner import RunOwner
from starlette.responses import JSONResponse


async def failed(_request, _error):
    """In the place of FastAPI's plain text, which MLflow's client cannot read."""
    return JSONResponse({"error_code": "INTERNAL_ERROR", "message": "MLflow failed. Its log says why."}, 500)


def refuse_passwords(auth):
    """With single sign-on each user has a password that nothing may accept."""
    # Only a server with single sign-on and permissions has it.
    proxy_login = importlib.import_module("proxy_login")
    required(auth, "_authenticate_custom_for_fastapi")
    found = required(auth, "auth_config").authorization_function
    if found != proxy_login.FUNCTION:
        raise missing(f"authorization_function {proxy_login.FUNCTION}, but {found}")


def create_app():
    """SERVED_APP is the app that `mlflow server` would run, with `()` after a function that makes it."""
    database_pool.share()
    artifact_locations.restrict()
    module_name, _, name = os.environ["SERVED_APP"].partition(":")
    module = importlib.import_module(module_name)
    database_pool.see_that_mlflow_shares()
    has_login = module_name == "mlflow.server.auth"
    if os.environ.get("AUTH_DATABASE") and not has_login:
        raise missing(f"app with a login in mlflow.server.auth, but in {module_name}")
    by_proxy = has_login and "LOGIN_BY_PROXY" in os.environ
    if by_proxy:
        # MLflow would load it with the first request.
        refuse_passwords(module)
    elif has_login:
        own_login.take_every_password(module)
    app = getattr(module, name.removesuffix("()"))
    if name.endswith("()"):
        app = app()
    if hasattr(app, "add_exception_handler"):
        app.add_exception_handler(Exception, failed)
    app = RunOwner(app)
    if os.environ.get("AUDIT_LOG"):
        app = AuditLog(app, has_login)
    app = UnpackedTraces(app)
    app = DatabaseTurns(app, database_pool.concurrent_requests())
    if has_login and not by_proxy:
        store = required(module, "store")
        required(type(store), "has_user")
        app = own_login.OneAtATime(app, required(module, "_authenticate_cached"), store.has_user)
    if has_login and "prometheus_multiproc_dir" in os.environ:
        app = OpenMetrics(app)
    if "prometheus_multiproc_dir" in os.environ:
        # Imported now: without the folder of MLflow's exporter the counts would be in no file.
        import proxy_metrics

        proxy_metrics.start()
    return FailuresAnswered(app)
