"""Sends requests without a valid password to ports of the tracking server, of every kind that an attacker may try.

    python attack.py HOST:PORT... [--open PATH...] [--gives TEXT] [--refusal STATUS...] [--at-once NUMBER]

Prints, as JSON, how many requests it sent and which were not refused: [address, attack, answer]. Requests that write
use the name `intruder`, so that a test can find what they created, also without an answer.
"""

import argparse
import asyncio
import base64
import json
import re

EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=100"
CREATE = "/api/2.0/mlflow/experiments/create"
PATHS = [
    *["/", "/version", "/graphql", "/metrics", "/docs", "/redoc", "/openapi.json", "/signup", "/v1/traces"],
    *["/static-files/index.html", "/get-artifact?path=x&run_uuid=x", "/model-versions/get-artifact?path=x", "/.error"],
    *[f"{api}/2.0/mlflow-artifacts/artifacts{rest}" for api in ("/api", "/ajax-api") for rest in ("", "?path=", "/x")],
    *["/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/assistant/config"],
    *["/api/2.0/mlflow/users/current", "/api/2.0/mlflow/users/list", "/ajax-api/3.0/jobs/search", "/api/3.0/jobs"],
    *["/ajax-api/2.0/mlflow/experiments/search?max_results=9", "/ajax-api/2.0/mlflow/gateway-proxy", "/gateway/"],
    *["/ajax-api/2.0/mlflow/users/current", "/ajax-api/3.0/mlflow/assistant/providers", "/.user", "/.absent"],
    *["/ajax-api/3.0/mlflow/get-trace-artifact?request_id=x", "/ajax-api/2.0/mlflow/runs/create-promptlab-run"],
]
METHODS = ["GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "X"]
# A server that trusts such a header would accept the attacker as another user.
HEADERS = [
    *[f"{name}: {value}" for name in ("X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Accel-Redirect")
      for value in ("/health", EXPERIMENTS)],
    *[f"{name}: admin" for name in ("X-Remote-User", "Remote-User", "REMOTE_USER", "X-Forwarded-User", "X-User",
                                    "X-Forwarded-Preferred-Username", "X-WEBAUTH-USER", "X-Auth-Request-User")],
    *[f"{name}: 127.0.0.1" for name in ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP",
                                        "X-Forwarded-Host", "X-Originating-IP", "Client-IP")],
    "Forwarded: for=127.0.0.1;host=localhost;proto=https", "X-Forwarded-Proto: https", "X-Forwarded-Port: 5000",
    "X-Forwarded-Prefix: /health", "X-Forwarded-Server: localhost", "X-Script-Name: /health",
    "X-HTTP-Method-Override: OPTIONS", "X-MLflow-Workspace: default", "X-Ssl-Client-Verify: SUCCESS",
    "Origin: http://localhost\r\nAccess-Control-Request-Method: GET", "Cookie: session=x; mlflow=admin",
    "Connection: Authorization, Host", "User-Agent: kube-probe/1.35", "Max-Forwards: 0", "Via: 1.1 localhost",
]
HOSTS = ["localhost", "127.0.0.1:5000", "localhost:5000", "[::1]", "health", "", "a b", "x" * 3000, "@", "x\r\nHost: y"]
PASSWORDS = [":", "admin:", ":admin", "admin", "admin:admin", "admin:password", "admin:password1234", "mlflow:mlflow",
             "mlflow-user:", "trainer:", "root:root", "admin:" + "x" * 9000, "x" * 9000 + ":x", "admin\0:x", "admin:\0",
             "../../people/auth:x", "admin\n:x", "a" * 70 + ":" + "b" * 70, "%61dmin:%", "adm\u00efn:\u00e9"]
TOKENS = ["", "Basic", "Basic ", "Basic =", "Basic !!!!", "Basic " + "A" * 9000, "Bearer x", "Bearer ",
          "Digest username=x", "Negotiate YII=", "basic", "Basic Og==, Basic Og==", "x" * 40000]
PATH_TRICKS = [
    f"{EXPERIMENTS}#/../../../../../health", "/health/..{0}", "/health/%2e%2e{0}", "/health/..%2f..{0}",
    "/health%2f..{0}",
    "/health\\..{0}", "/health/..;{0}", "/health;{0}", "/health#/..{0}", "/health?/..{0}", "/health%00{0}",
    "/health%20HTTP/1.1%0d%0a%0d%0aGET%20{0}", "/health {0}", "//health/..{0}", "/health/.{0}", "/health{0}",
    "/healthx",
    "/health/", "/HEALTH", "/static-files/..{0}", "/static-files/..%2f..{0}", "/static-files/%2e%2e{0}", "/static{0}",
    "/static-files/..%252f..{0}", "/static-files/../../..{0}", "/favicon.ico/..{0}", "/favicon.ico/..%2f{0}",
    "{0}/../../../../../health", "{0}%2f..%2f..%2f..%2f..%2f..%2fhealth", "{0}%3f/../../../../../health", "/./{0}",
    "//{0}", "/%2f{0}", "/%61pi/2.0/mlflow/experiments/search?max_results=9", "/x/..{0}", "health", "*", "http://",
    "http://x{0}", "http://localhost:5000{0}", "http://admin:admin@x{0}", "http://x{0}/../../../../../health",
    "https://x{0}", "file:///etc/passwd", "/..%2f..%2fetc/passwd", "/%c0%ae%c0%ae{0}", "/\u0000", "/.error", "/%zz",
    "/api/2.0/mlflow-artifacts/artifacts/..%2f..%2fbackups", "/api/2.0/mlflow-artifacts/artifacts/../../../..{0}",
    "/metrics/", "//metrics", "/%6detrics", "/x/../metrics", "/metrics%2f", "/health/../metrics", "/" + "x" * 40000,
]


def request(method, target, *headers, version="HTTP/1.1", host="Host: localhost", body=""):
    # A Host that MLflow accepts, so that the login refuses the request.
    lines = [f"{method} {target} {version}", *([host] if host else []), "Connection: close", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def smuggled():
    """Requests whose body is a second request for a server that determines the body's length differently."""
    body = json.dumps({"name": "intruder-smuggled"})
    hidden = request("POST", CREATE, "Content-Type: application/json", f"Content-Length: {len(body)}", body=body)
    chunk = f"{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n"
    ended = f"0\r\n\r\n{hidden}"
    length = f"Content-Length: {len(hidden)}"
    chunked = "Transfer-Encoding: chunked"
    framings = {
        "a body": ([length], hidden),
        "no body announced": ([], hidden),
        "chunks": ([chunked], chunk),
        "chunks that end before it": ([chunked], ended),
        "CL and TE": (["Content-Length: 5", chunked], ended),
        "TE and CL": ([chunked, "Content-Length: 5"], ended),
        "CL of everything and TE": ([f"Content-Length: {len(ended)}", chunked], ended),
        "two CL": (["Content-Length: 0", length], hidden),
        "two CL, the other way": ([length, "Content-Length: 0"], hidden),
        "a list of CL": ([f"Content-Length: 0, {len(hidden)}"], hidden),
        "CL with a sign": (["Content-Length: +0"], hidden),
        "CL in hex": (["Content-Length: 0x0"], hidden),
        "CL below zero": (["Content-Length: -1"], hidden),
        "CL too large for a number": (["Content-Length: 99999999999999999999"], hidden),
        "two TE": ([chunked, "Transfer-Encoding: identity"], ended),
        "a list of TE": (["Transfer-Encoding: chunked, identity"], ended),
        "TE x": (["Transfer-Encoding: x", "Content-Length: 0"], ended),
        "TE with a tab": (["Transfer-Encoding:\tchunked", "Content-Length: 0"], ended),
        "TE with a vertical tab": (["Transfer-Encoding: \x0bchunked", "Content-Length: 0"], ended),
        "TE_": (["Transfer_Encoding: chunked", "Content-Length: 0"], ended),
        "a space before the colon": (["Transfer-Encoding : chunked", "Content-Length: 0"], ended),
        "a folded TE": (["X: y", " Transfer-Encoding: chunked", "Content-Length: 0"], ended),
        "a folded TE value": (["Transfer-Encoding:", " chunked", "Content-Length: 0"], ended),
        "a bare CR": (["X: y\rTransfer-Encoding: chunked", "Content-Length: 0"], ended),
        "a bare LF": (["X: y\nTransfer-Encoding: chunked", "Content-Length: 0"], ended),
        "a chunk with an extension": ([chunked], f"0;x={CREATE}\r\n\r\n{hidden}"),
        "a chunk of a wrong size": ([chunked], f"fffffffffffffffff0\r\n{hidden}"),
        "a trailer": ([chunked], f"0\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}"),
        "Expect": ([length, "Expect: 100-continue"], hidden),
        "an upgrade to HTTP/2": (["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"], hidden),
        "an upgrade to a WebSocket": (["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="], hidden),
    }
    for name, (headers, rest) in framings.items():
        for method in ("POST", "GET"):
            for target in ("/health", EXPERIMENTS):
                text = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *headers]) + "\r\n\r\n" + rest
                yield f"{name} behind {method} {target[:7]}", text


def attacks():
    for path in [EXPERIMENTS, *PATHS]:
        for method in METHODS if path in (EXPERIMENTS, "/", "/graphql") else METHODS[:4]:
            yield f"{method} {path}", request(method, path)
    body = json.dumps({"name": "intruder-posted"})
    posted = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    for header in HEADERS:
        yield header[:60], request("GET", EXPERIMENTS, header)
        yield f"POST, {header[:60]}", request("POST", CREATE, header, *posted, body=body)
    for host in HOSTS:
        yield f"Host: {host[:40]!r}", request("GET", EXPERIMENTS, host=f"Host: {host}")
    yield "no Host", request("GET", EXPERIMENTS, host="")
    basic = [f"Basic {base64.b64encode(each.encode()).decode()}" for each in PASSWORDS]
    for number, value in enumerate([*TOKENS, *basic]):
        yield f"Authorization {value[:40]!r}", request("GET", EXPERIMENTS, f"Authorization: {value}")
        if number < 12:
            yield f"Proxy-Authorization {value[:40]!r}", request("GET", EXPERIMENTS, f"Proxy-Authorization: {value}")
    both = [f"Authorization: {basic[0]}", f"Authorization: {basic[4]}"]
    # MLflow's gateway accepts its own header.
    for value in basic[:5]:
        own = f"X-MLflow-Authorization: {value}"
        yield own, request("POST", "/gateway/x/mlflow/invocations", own)
    yield "two Authorizations", request("POST", CREATE, *both, *posted, body=body)
    for trick in PATH_TRICKS:
        target = trick.replace("{0}", EXPERIMENTS)
        yield f"path {target[:60]!r}", request("GET", target)
    for version in ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9", "http/1.1", "HTTP/1.1 x", "ICE/1.0"):
        yield version, request("GET", EXPERIMENTS, version=version)
        yield f"{version} without headers", f"GET {EXPERIMENTS} {version}\r\n\r\n"
    yield "HTTP/0.9 in one line", f"GET {EXPERIMENTS}\r\n"
    # A SETTINGS frame, and a request for / in HPACK's static table.
    frames = "\0\0\0\4\0\0\0\0\0" + "\0\0\3\1\5\0\0\0\1\x82\x84\x86"
    yield "HTTP/2 at once", f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{frames}"
    yield "TLS", "\x16\3\1\0\5\1\0\0\1\0"
    yield from smuggled()


async def exchange(host, port, text, seconds):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 10)
    answer = b""
    try:
        writer.write(text.encode("latin-1"))
        async with asyncio.timeout(seconds):
            while data := await reader.read(65536):
                answer += data
    except (TimeoutError, ConnectionError):
        pass  # It waits for more, or closed the connection: the bytes until then are the answer.
    finally:
        writer.transport.abort()
    return answer


def answers(raw, bodiless):
    """(status, body) of each HTTP answer in the bytes."""
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        if not status:
            yield 0, raw
            return
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        size = 0 if bodiless or status[1][:1] == b"1" else int(length[1]) if length else len(rest)
        yield int(status[1]), rest[:size]
        raw = rest[size:]


# HTTP/0.9 has no status.
IN_WORDS = (b'"UNAUTHENTICATED"', b'"BAD_REQUEST"', b'"ENDPOINT_NOT_FOUND"', b"Invalid Host header")
# 429 is for wrong passwords only: the limit does not apply to right ones, so 429 reveals no more than 401.
REFUSALS = {100, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 421, 422, 426, 429, 431, 501, 505}


def got_in(raw, text, refusals):
    """The first answer that is neither a refusal nor the OK of /health."""
    bodiless = text.startswith("HEAD ")
    for status, body in answers(raw, bodiless):
        healthy = status in (0, 200) and (body == b"OK" or bodiless and text.startswith("HEAD /health "))
        refused = status in refusals or status == 0 and any(words in body for words in IN_WORDS)
        if not refused and not healthy:
            return f"{status} {body[:120].decode('latin-1')!r}"
    return None


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--open", nargs="*", default=[], help="prefixes of paths that need no password")
    parser.add_argument("--gives", default=None, help="the text that the port serves without a password")
    parser.add_argument("--refusal", nargs="*", type=int, default=[], help="further statuses that are refusals")
    parser.add_argument("--at-once", type=int, default=24, help="requests at once: if hashes are slow, the server does not check more")
    options = parser.parse_args()
    refusals = REFUSALS | set(options.refusal)
    gate = asyncio.Semaphore(options.at_once)
    every = [(name, text) for name, text in attacks()]
    report = {"tried": 0, "got_in": []}

    async def send(address, name, text):
        host, port = address.rsplit(":", 1)
        async with gate:
            raw = await exchange(host, int(port), text, 8)
        report["tried"] += 1
        found = got_in(raw, text, refusals)
        target = text.partition(" ")[2]
        right = options.gives and options.gives.encode() in raw
        if found and not right and not any(target.startswith(path) for path in options.open):
            report["got_in"].append([address, name, found])

    await asyncio.gather(*(send(address, *each) for address in options.addresses for each in every))
    print(json.dumps(report))


asyncio.run(main())
