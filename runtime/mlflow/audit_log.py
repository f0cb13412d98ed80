"""A line of JSON on the standard output for each change: who did what to which object, and with what outcome.

The user is the name that nginx has checked, in X-Audit-User, which no client can set. With MLflow's own login it is the name
in the header of the password, and own_login.py has removed wrong ones before. Bodies are read as they pass, so nothing waits for this
log, and an error in it fails no request."""

import json
import logging
import os
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qsl

import own_login
from audit_actions import NAMES, action_of

log = logging.getLogger("uvicorn.error")

# A request that names objects is small. Of a larger one only the names in its path are logged.
MOST_BYTES = 256 * 1024
# A line fits into one write to a pipe (4096 bytes), so lines of several processes do not mix.
MOST_CHARACTERS = 128
MOST_LISTED = 10
MOST_LINE = 4000


class AuditLog:
    def __init__(self, app, has_login=False, write=None):
        self.app = app
        self.user = user_of_password if has_login else user_of_proxy
        self.write = write or write_line

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or (action := action_of(scope["method"], scope["path"])) is None:
            return await self.app(scope, receive, send)
        request, answer, status = Copy(), Copy(), None

        async def receive_and_see():
            message = await receive()
            request.add(message.get("body", b""))
            return message

        async def send_and_see(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            answer.add(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive_and_see, send_and_see)
        except Exception:
            status = status or 500
            raise
        finally:
            try:
                # A path that MLflow does not know is no change.
                if status != 404 or action[1] != "unknown":
                    self.write(self.line(scope, action, request, answer, status))
            except Exception:
                log.exception("The audit log has no line for %s %s", scope["method"], scope["path"][:200])

    def line(self, scope, action, request, answer, status):
        words, kind, in_path = action
        headers = {name: value.decode("utf-8", "replace") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))) if request.size == 0 else {}
        named = {**names(query), **names(request.fields()), **names(in_path)}
        if status == 200:
            # A new object gets its id in the answer: {"experiment_id": …}, or {"model_version": {"name": …, "version": …}}.
            fields = answer.fields()
            for each in (fields, *(value for value in fields.values() if isinstance(value, dict))):
                named = {**names(each), **named}
        record = {
            "audit": words,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "user": self.user(headers)[:MOST_CHARACTERS],
            "kind": kind,
            "object": named,
            **workspace(headers),
            "status": status,
            "outcome": outcome(status),
            "request_id": headers.get(b"x-request-id", "")[:MOST_CHARACTERS],
        }
        text = json.dumps(record)
        if len(text) > MOST_LINE:
            text = json.dumps({**record, "object": {"too_large": sorted(named)[:MOST_LISTED]}})
        return text


class Copy:
    """A small body, as it passed."""

    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, part):
        self.size += len(part)
        if self.size > MOST_BYTES:
            self.parts.clear()
        elif part:
            self.parts.append(bytes(part))

    def fields(self):
        """The fields of its JSON object or of its form, or none."""
        body = b"".join(self.parts)
        try:
            found = json.loads(body) if body else None
        except (ValueError, RecursionError):
            return dict(parse_qsl(body.decode("latin-1")))
        return found if isinstance(found, dict) else {}


def outcome(status):
    if status is None:
        return "unknown"
    return "done" if status < 400 else "refused" if status < 500 else "failed"


def user_of_proxy(headers):
    return headers.get(b"x-audit-user", "")


def user_of_password(headers):
    given = own_login.credentials(headers.get(b"authorization", ""))
    return given[0] if given else ""


def workspace(headers):
    if os.environ.get("MLFLOW_ENABLE_WORKSPACES") != "true":
        return {}
    return {"workspace": (headers.get(b"x-mlflow-workspace", "") or "default")[:MOST_CHARACTERS]}


def names(fields):
    """Those of the fields that name an object, cut to a length that a line can have."""
    return {key: short(value) for key, value in fields.items() if key in NAMES and is_name(value)}


def is_name(value):
    return all(map(is_name, value)) if isinstance(value, list) else isinstance(value, (str, int, bool))


def short(value):
    if isinstance(value, list):
        return [short(each) for each in value[:MOST_LISTED]]
    return value[:MOST_CHARACTERS] if isinstance(value, str) else value


def write_line(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
