"""MLflow's users are those of single sign-on. MLflow's login calls `authenticate` of this module instead of checking passwords.

nginx has checked the login, and sends what it found in one header, which it replaces in what clients send: `admin:<name>` or
`person:<name>` of the provider, or `program:<name>` of a service user. MLflow's permissions do all else.
"""

import secrets

import mlflow.server.auth
from flask import Response, g, jsonify, request
from mlflow.exceptions import MlflowException
from required import required
from werkzeug.datastructures import Authorization

FUNCTION = "proxy_login:authenticate"
HEADER = "X-Proxy-Login"
# Begins MLflow's names of programs. No person may have such a name, as programs are admins of MLflow.
PROGRAM = "program:"
# Of the column.
LONGEST_NAME = 255

store = required(mlflow.server.auth, "store")
for name in ("create_user", "get_user", "update_user"):
    required(store, name)


def authenticate():
    """The user of the request, as MLflow wants it, or the refusal. MLflow asks several times in one request."""
    if "proxy_login" not in g:
        g.proxy_login = answer_to(request.headers.get(HEADER, ""))
    return g.proxy_login


def answer_to(header):
    kind, _, sent = header.partition(":")
    if kind not in ("admin", "person", "program"):
        return refusal(401, "UNAUTHENTICATED", "The proxy has sent no login with this request.")
    name = decoded(sent)
    if kind == "program":
        name = name and PROGRAM + name
    elif name and name.lower().startswith(PROGRAM):
        return refusal(403, "PERMISSION_DENIED", f"A name may not begin with '{PROGRAM}': programs have such names.")
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        wanted = f"expected 1 to {LONGEST_NAME} printable characters"
        return refusal(403, "PERMISSION_DENIED", f"The login gives a name that MLflow cannot have; {wanted}.")
    ensure_user(name, kind != "person")
    return Authorization("proxy", {"username": name, "password": ""})


def decoded(text):
    """Headers are bytes, which the server reads as Latin-1. None if they are no UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def ensure_user(name, is_admin):
    """MLflow reads from its database in each check whether a user is an admin. The provider's groups decide, not who changed it there."""
    user = found(name) or created(name, is_admin)
    if user.is_admin != is_admin:
        store.update_user(name, is_admin=is_admin)


def found(name):
    try:
        return store.get_user(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def created(name, is_admin):
    try:
        # MLflow wants a password. It is never checked, and nothing keeps it.
        return store.create_user(name, secrets.token_urlsafe(32), is_admin)
    except MlflowException as error:
        # Another request of the same user was faster.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return store.get_user(name)


def refusal(status, code, message) -> Response:
    response = jsonify({"error_code": code, "message": message})
    response.status_code = status
    return response
