"""package_index.py PORT: serves a package index with `tiny-lines` 1.0, which has the number SLOPE.

Use it as pip's --index-url: http://<host>:PORT/simple. It runs until its pod ends.
"""

import functools
import http.server
import importlib.metadata
import os
import sys
import zipfile


def add(name, version, **modules):
    """A wheel with these modules."""
    file = f"{name.replace('-', '_')}-{version}"
    info = f"{file}.dist-info"
    files = {
        **{f"{module}.py": text for module, text in modules.items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder = f"/tmp/index/simple/{name}"
    os.makedirs(folder)
    with zipfile.ZipFile(f"{folder}/{file}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))


add("tiny-lines", "1.0", tiny_lines="SLOPE = 5.0\n")
# MLflow needs it in its own version, which an image that is built from packages may lack. Its modules are MLflow's.
add("mlflow-skinny", importlib.metadata.version("mlflow"))
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/tmp/index")
server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), handler)
print("serving", flush=True)
server.serve_forever()
