"""What requests may use of the server at once, as layers around MLflow's app."""

import asyncio
import gzip
import io
import logging
import re
import zlib
from collections import deque

from json_answer import answer

log = logging.getLogger("uvicorn.error")

# MLflow's client gives a request up after 120 s and sends it again; told earlier, it waits before it does.
MOST_SECONDS_WAITING = 60

# nginx passes a body on as it comes, and a client may send it as slowly as it likes.
MOST_SECONDS_BODY = 120

# MLflow makes objects of several times that size from it, and answers no other request meanwhile.
MOST_UNPACKED_BYTES = 32 * 1024 * 1024

# A body waits in memory. Of those above this size, or of unknown size, so many may be there at once.
LARGE_BYTES = 1024 * 1024
MOST_LARGE = 4
MOST_PRESENT = 512

TRACES = "/v1/traces"

# Requests that need no database, or one connection for a moment: they neither wait for the others, nor do the others
# wait while artifacts or the answers of a language model pass. All else of MLflow can hold several connections.
BESIDE = re.compile(
    r"""/(
      \Z | health\Z | version\Z | metrics\Z | static-files/ | gateway/ |
      get-artifact\Z | model-versions/get-artifact\Z |
      (ajax-)?api/\d\.\d/mlflow-artifacts/ |
      (ajax-)?api/\d\.\d/mlflow/(
        artifacts/ | logged-models/[^/]+/artifacts/ | upload-artifact\Z | get-trace-artifact\Z |
        gateway-proxy\Z | server-info\Z | ui-telemetry\Z
      )
    )""",
    re.VERBOSE,
)


class DatabaseTurns:
    """Lets `most` requests use the database at once; the others wait in the order in which they came.

    Its turn begins when the body of a request is whole and ends when its answer begins: a slow client takes none.
    """

    def __init__(self, app, most):
        self.app = app
        self.turns = asyncio.Semaphore(most)
        # MLflow stores traces in the threads through which artifacts pass: they may wait, with half of the turns at most.
        self.traces = asyncio.Semaphore(max(1, most // 2))
        self.large = asyncio.Semaphore(MOST_LARGE)
        self.present = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] == "OPTIONS" or BESIDE.match(scope["path"]):
            return await self.app(scope, receive, send)
        if self.present >= MOST_PRESENT:
            return await busy(send)
        self.present += 1
        try:
            if is_large(scope):
                await self.take_large_turn(scope, receive, send)
            else:
                await self.take_turn(scope, receive, send)
        finally:
            self.present -= 1

    async def take_large_turn(self, scope, receive, send):
        try:
            await asyncio.wait_for(self.large.acquire(), MOST_SECONDS_WAITING)
        except asyncio.TimeoutError:
            return await busy(send)
        try:
            await self.take_turn(scope, receive, send)
        finally:
            self.large.release()

    async def take_turn(self, scope, receive, send):
        try:
            body = await asyncio.wait_for(read(receive), MOST_SECONDS_BODY)
        except asyncio.TimeoutError:
            return await answer(send, 408, "DEADLINE_EXCEEDED", "The request took too long to arrive.")
        if body is None:
            return
        taken = []

        async def begin():
            for each in [self.traces, self.turns] if scope["path"].startswith(TRACES) else [self.turns]:
                await each.acquire()
                taken.append(each)

        def end():
            while taken:
                taken.pop().release()

        async def send_after_turn(message):
            if message["type"] == "http.response.start":
                end()
            await send(message)

        try:
            await asyncio.wait_for(begin(), MOST_SECONDS_WAITING)
        except asyncio.TimeoutError:
            end()
            return await busy(send)
        except asyncio.CancelledError:
            end()
            raise
        try:
            await self.app(scope, again(body, receive), send_after_turn)
        finally:
            end()


def busy(send):
    message = "The database is busy. Try again shortly."
    return answer(send, 503, "TEMPORARILY_UNAVAILABLE", message, [(b"retry-after", b"5")])


def is_large(scope):
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    # What is packed is larger than it looks.
    of_unknown_size = b"transfer-encoding" in headers or b"content-encoding" in headers or not length.isdigit()
    return of_unknown_size or int(length) > LARGE_BYTES


class UnpackedTraces:
    """Unpacks compressed traces before MLflow does, which has no limit and answers no other request meanwhile."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or not scope["path"].startswith(TRACES):
            return await self.app(scope, receive, send)
        encodings = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"content-encoding"]
        if len(encodings) > 1:
            return await answer(send, 400, "BAD_REQUEST", "Content-Encoding is given more than once; expected one value.")
        if encodings not in (["gzip"], ["deflate"]):
            return await self.app(scope, receive, send)
        body = await read(receive)
        if body is None:
            return
        packed = b"".join(message.get("body", b"") for message in body)
        body.clear()
        try:
            unpacked = await asyncio.get_running_loop().run_in_executor(None, unpack, packed, encodings[0])
        except (OSError, EOFError, zlib.error):
            # MLflow has its own words for it.
            return await self.app(scope, again(whole(packed), receive), send)
        if unpacked is None:
            message = f"The traces are too large: they unpack to more than {MOST_UNPACKED_BYTES >> 20} MiB. Send fewer at once."
            return await answer(send, 413, "INVALID_PARAMETER_VALUE", message)
        del packed
        changed = (b"content-encoding", b"content-length", b"transfer-encoding")
        headers = [pair for pair in scope["headers"] if pair[0] not in changed]
        headers.append((b"content-length", str(len(unpacked)).encode()))
        await self.app({**scope, "headers": headers}, again(whole(unpacked), receive), send)


def unpack(packed, encoding):
    """What MLflow's decompress_otlp_body makes of it, or None if that is too much."""
    if encoding == "gzip":
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            unpacked = file.read(MOST_UNPACKED_BYTES + 1)
    else:
        try:
            unpacked = inflate(packed, zlib.MAX_WBITS)
        except zlib.error:
            unpacked = inflate(packed, -zlib.MAX_WBITS)
    return unpacked if len(unpacked) <= MOST_UNPACKED_BYTES else None


def inflate(packed, window):
    stream = zlib.decompressobj(window)
    unpacked = stream.decompress(packed, MOST_UNPACKED_BYTES + 1)
    if len(unpacked) <= MOST_UNPACKED_BYTES and not stream.eof:
        raise zlib.error("it ends too early")
    return unpacked


class FailuresAnswered:
    """Answers 500 where MLflow fails, and keeps the connection.

    uvicorn closes the connection of an app that raises, also after a whole answer, and the next request that the proxy
    has sent on it is lost.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = False

        async def send_and_see(message):
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_see)
        except Exception:
            log.exception("Exception in ASGI application")
            # Of an answer that broke off, uvicorn still closes the connection.
            if not started:
                await answer(send, 500, "INTERNAL_ERROR", "MLflow failed. Its log says why.")


async def read(receive):
    """All messages of a body, or None if the client left before its end."""
    messages = deque()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        messages.append(message)
        if not message.get("more_body", False):
            return messages


def whole(body):
    return deque([{"type": "http.request", "body": body, "more_body": False}])


def again(messages, receive):
    """Gives the messages once more, and then what follows them."""

    async def receive_again():
        return messages.popleft() if messages else await receive()

    return receive_again
