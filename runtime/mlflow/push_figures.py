"""Sends the figures of a run to a Prometheus Pushgateway, each run in the place of the one before.

  PUSHGATEWAY_URL   where they are sent, as METRICS_JOB of POD_NAMESPACE; without it, nowhere
"""

import os
import urllib.request
from urllib.parse import quote

from schema import say


def text_of(families):
    """{name: {labels in braces, or '': value}} in the text format of Prometheus."""
    lines = []
    for name, samples in families.items():
        lines.append(f"# TYPE {name} gauge\n")
        lines += [f"{name}{labels} {value}\n" for labels, value in samples.items()]
    return "".join(lines)


def push(families):
    """The run is done, so that a gateway that is away does not fail it."""
    url = os.environ.get("PUSHGATEWAY_URL")
    if not url:
        return
    job, namespace = (quote(os.environ[name], safe="") for name in ("METRICS_JOB", "POD_NAMESPACE"))
    request = urllib.request.Request(
        f"{url.rstrip('/')}/metrics/job/{job}/namespace/{namespace}", text_of(families).encode(),
        {"Content-Type": "text/plain"}, method="PUT",
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except OSError as error:
        say(f"The figures could not be sent to {url}: {error}.")
