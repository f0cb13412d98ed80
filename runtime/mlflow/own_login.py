"""Two weak points of MLflow's own login, mended from outside. Nobody is let in here: MLflow still asks everybody."""

import asyncio
import base64
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

# Passwords that may wait for their check; who comes later is told to try again, which MLflow's client does by itself.
MOST_WAITING = 32
# Less than auth_cache_ttl_seconds: so long MLflow itself knows a right password without the slow hash.
REMEMBERED_SECONDS = 50


def credentials(header):
    """(user name, password) of a header `Basic …`, or None."""
    scheme, _, encoded = header.partition(" ")
    try:
        username, colon, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return None
    return (username, password) if scheme.lower() == "basic" and colon else None


def take_every_password(auth):
    """MLflow's routes for artifacts and traces read passwords as ASCII, and refuse one with an é, which all others take."""
    # Private names, which another version may lack.
    ascii_only, check = (getattr(auth, f"_authenticate_{name}", None) for name in ("fastapi_request", "cached"))
    if not ascii_only or not check:
        return

    def authenticate(request):
        given = credentials(request.headers.get("Authorization", ""))
        return ascii_only(request) if given is None or "".join(given).isascii() else check(*given)

    auth._authenticate_fastapi_request = authenticate


class OneAtATime:
    """The app, where the slow hash of a password is made for one request at a time, beside all other work.

    A few wrong logins at once would else hold up everybody. A wrong password is taken off its request, to which MLflow
    then answers as to one without.
    """

    def __init__(self, app, check):
        self.app, self.check = app, check
        self.thread = ThreadPoolExecutor(1)
        self.waiting = 0
        self.remembered = {}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            # The gateway has a header of its own, as the other is for the provider behind it.
            own = b"x-mlflow-authorization"
            name = own if headers.get(own) and scope["path"].startswith("/gateway/") else b"authorization"
            header = headers.get(name, b"")
            given = credentials(header.decode("latin-1"))
            if given and not self.knows(header):
                if self.waiting >= MOST_WAITING:
                    return await too_many(send)
                if not await self.right(header, given):
                    scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != name]}
        await self.app(scope, receive, send)

    def knows(self, header):
        return self.remembered.get(hashlib.sha256(header).digest(), 0) > time.monotonic()

    async def right(self, header, given):
        self.waiting += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(self.thread, self.check, *given)
        except Exception:
            return True  # What is wrong, such as no database, MLflow says itself.
        finally:
            self.waiting -= 1
        if right:
            now = time.monotonic()
            self.remembered = {key: until for key, until in self.remembered.items() if until > now}
            self.remembered[hashlib.sha256(header).digest()] = now + REMEMBERED_SECONDS
        return right


async def too_many(send):
    message = "Too many logins at once. Try again shortly."
    body = json.dumps({"error_code": "TEMPORARILY_UNAVAILABLE", "message": message})
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"2")]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
