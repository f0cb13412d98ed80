"""Tells what may pass (a network, a server, a disk that is full) from what will never work, by the errors behind an error."""

import errno
import re
import socket
import ssl

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ETIMEDOUT)
BUSY = (408, 425, 429, 500, 502, 503, 504)
# Of requests, urllib3, httpx, botocore, aiohttp, huggingface_hub …: by name, as none of them need be in the image.
NAMES = {
    "ConnectionError", "Timeout", "TimeoutError", "ConnectTimeout", "ReadTimeout", "TransportError", "MaxRetryError",
    "NewConnectionError", "NameResolutionError", "ProtocolError", "IncompleteRead", "EndpointConnectionError",
    "HTTPClientError", "ClientConnectionError", "ServiceUnavailable", "LocalEntryNotFoundError",
}
# As pip says it.
NETWORK = re.compile(
    r"Retrying \(Retry\(|connection broken by|connection error: |Read timed out|timed out|NewConnectionError|"
    r"NameResolutionError|ConnectionResetError|IncompleteRead|HTTP error (408|429|5\d\d)|\b(429|5\d\d) (Client|Server) Error"
)


class MayPass(Exception):
    """It does not work now, and not because of the version: its message says why, for a person to read."""


def behind(error):
    """An error and all that led to it."""
    found, left = [], [error]
    while left:
        each = left.pop(0)
        if each is None or any(each is known for known in found):
            continue
        found.append(each)
        left += [each.__cause__, each.__context__]
        left += getattr(each, "exceptions", ())
    return found


def is_no_space(error):
    # MLflow's own stores hand the errors of single files on as text.
    return any(
        getattr(each, "errno", None) in NO_SPACE or "No space left on device" in str(each) for each in behind(error)
    )


def is_network(error):
    return any(map(_is_network, behind(error)))


def _is_network(error):
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
    return (
        isinstance(error, (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError))
        or (isinstance(error, OSError) and error.errno in UNREACHABLE)
        or status in BUSY
        or any(kind.__name__ in NAMES for kind in type(error).__mro__)
    )


def cause(error):
    """Why it may work later, in words; None where nothing says so."""
    if is_no_space(error):
        return f"The disk has no space left: {words(error)}"
    if is_network(error):
        first = next(each for each in behind(error) if _is_network(each))
        return f"It needs something on the network that does not answer, or that its egress does not allow: {words(first)}"
    return None


def words(error):
    """On one line, and the same each time."""
    text = re.sub(r"<?[\w.]+ object at 0x[0-9a-f]+>?(: )?", "", " ".join(str(error).split()))
    return f"{type(error).__name__}: {text}"[:600]
