"""An answer of our own, in the JSON of MLflow's errors, which its client reads."""

import json


async def answer(send, status, error_code, message, headers=()):
    body = json.dumps({"error_code": error_code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
