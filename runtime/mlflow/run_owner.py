"""A run belongs to the person whom single sign-on knows, and not to the name that their client tells.

nginx names the person in X-Forwarded-User. It removes that header from what clients send, and without single sign-on it
sends none."""

import json
import re

CREATES_RUN = re.compile(r"/(ajax-)?api/2\.0/mlflow/runs/create")
USER_HEADER = b"x-forwarded-user"
USER_TAG = "mlflow.user"


class RunOwner:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "POST" or not CREATES_RUN.fullmatch(scope["path"]):
            return await self.app(scope, receive, send)
        name = dict(scope["headers"]).get(USER_HEADER, b"").decode("utf-8", "replace")
        if not name:
            return await self.app(scope, receive, send)
        body, last = b"", None
        while last is None:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                last = message
        body = owned(body, name)
        headers = [(key, value) for key, value in scope["headers"] if key not in (b"content-length", b"transfer-encoding")]
        headers.append((b"content-length", str(len(body)).encode()))
        messages = [{**last, "body": body}]

        async def again():
            return messages.pop() if messages else await receive()

        await self.app({**scope, "headers": headers}, again, send)


def owned(body, name):
    """The request with the owner's name. What is no request of MLflow's client stays as it is: MLflow refuses it."""
    try:
        request = json.loads(body)
        tags = [tag for tag in request.get("tags") or [] if tag.get("key") != USER_TAG]
    except (ValueError, AttributeError, TypeError):
        return body
    return json.dumps({**request, "user_id": name, "tags": [*tags, {"key": USER_TAG, "value": name}]}).encode()
