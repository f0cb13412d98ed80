"""Sends one GET after another over a constant number of kept connections, and prints rates and latencies as JSON.

load.py PORT PATH CONNECTIONS SECONDS; the variable AUTHORIZATION, set by a line before this program, is the login.
It uses plain sockets instead of an HTTP library, to need little CPU compared with the server, and prints what it needed.
"""

import asyncio
import json
import sys
import time

port, path, connections, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
WARM_UP = 1.0
login = f"Authorization: {AUTHORIZATION}\r\n" if AUTHORIZATION else ""  # noqa: F821
request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{login}\r\n".encode()
times, failures = [], 0


async def answer(reader):
    """Reads one answer to its end and returns its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
    if "transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    return int(head.split(" ")[1])


async def client(start, end):
    global failures
    writer = None
    while (sent := time.perf_counter()) < end:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            status = await asyncio.wait_for(answer(reader), 30)
        except (OSError, EOFError, asyncio.TimeoutError):
            if writer:
                writer.close()
            writer, status = None, 0
        # Requests that are running at the end are included, or a slow server would lose its slowest answers.
        if sent >= start:
            times.append(time.perf_counter() - sent)
            failures += status != 200


async def main():
    start = time.perf_counter() + WARM_UP
    await asyncio.gather(*(client(start, start + seconds) for _ in range(connections)))
    took = time.perf_counter() - start
    times.sort()
    rank = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1000 if times else None
    print(json.dumps({
        "requests": len(times),
        "failures": failures,
        "perSecond": len(times) / took,
        "p50": rank(0.5),
        "p99": rank(0.99),
        "cpu": time.process_time() / (took + WARM_UP),
    }))


asyncio.run(main())
