"""package_index.py PORT: serves a package index that holds one package, `tiny-lines` 1.0 with the number SLOPE.

Use it as pip's --index-url: http://<host>:PORT/simple. It runs until its pod ends.
"""

import functools
import http.server
import os
import sys
import zipfile

folder = "/tmp/index/simple/tiny-lines"
os.makedirs(folder)
info = "tiny_lines-1.0.dist-info"
files = {
    "tiny_lines.py": "SLOPE = 5.0\n",
    f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny-lines\nVersion: 1.0\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
with zipfile.ZipFile(f"{folder}/tiny_lines-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
    wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/tmp/index")
server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), handler)
print("serving", flush=True)
server.serve_forever()
