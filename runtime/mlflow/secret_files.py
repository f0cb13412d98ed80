"""Secrets arrive as files named like the environment variables that MLflow and libpq read, and the certificates of the
platform's own authorities as the file AUTHORITY_FILE.

As a program: `python secret_files.py CMD ARGS...` runs a command with them.
"""

import os
import ssl
import sys
import tempfile


def without_line_end(value):
    """Editors end a file with a line end, those of Windows with two bytes; anything else belongs to the secret."""
    return value.removesuffix(b"\r\n") if value.endswith(b"\r\n") else value.removesuffix(b"\n")


# Of requests (MLflow's client, Google, Azure), of Python's ssl (httpx, aiohttp), of boto3 and of pip.
BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE", "PIP_CERT")
PEM_BEGIN, PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def public_authorities():
    """Those of the image, which its owner may have extended, and those that requests and boto3 trust."""
    paths = [ssl.get_default_verify_paths().openssl_cafile, "/etc/ssl/certs/ca-certificates.crt"]
    try:
        import certifi

        paths.append(certifi.where())
    except ImportError:
        pass
    return [path for path in paths if path and os.path.isfile(path)]


def certificates(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        parts = file.read().split(PEM_BEGIN)[1:]
    return [PEM_BEGIN + part.split(PEM_END)[0] + PEM_END for part in parts if PEM_END in part]


def trust():
    """One file of the platform's authorities and the public ones: each library trusts only the file that it is told."""
    authority = os.environ.get("AUTHORITY_FILE")
    if not authority:
        return
    own = certificates(authority)
    if not own:
        sys.exit(f"{authority}: it has no certificate; expected PEM, {PEM_BEGIN}: see the prop authority")
    known = dict.fromkeys(own + [each for path in public_authorities() for each in certificates(path)])
    folder = tempfile.gettempdir()
    bundle = os.path.join(folder, "authorities.crt")
    # Other containers of the pod share the folder, and may read it now.
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write("\n".join(known) + "\n")
    os.replace(file.name, bundle)
    for variable in BUNDLE_VARIABLES:
        os.environ.setdefault(variable, bundle)


def load():
    trust()
    directory = os.environ.get("MLFLOW_SECRETS_DIRECTORY", "/run/secrets/mlflow")
    if not os.path.isdir(directory):
        return
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        # Kubernetes keeps its own bookkeeping beside the files (..data, ..2026_01_01_…).
        if name.startswith(".") or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            # Bytes, so that a password is taken as it is, whatever the locale.
            os.environb[os.fsencode(name)] = without_line_end(file.read())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: secret_files.py CMD ARGS...")
    load()
    os.execvp(sys.argv[1], sys.argv[1:])
