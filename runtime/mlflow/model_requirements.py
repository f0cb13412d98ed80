"""Compares what a model wants with what the image has, and installs the difference where that is asked for."""

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

import may_pass
from serving_settings import CannotServe, directory

# No installation takes that long, and clocks of nodes differ less.
ABANDONED_SECONDS = 24 * 3600
# What install() names a folder until it is whole.
BUILDING = re.compile(r"[0-9a-f]{16}\.(?P<pod>.+)\.[0-9]+")


def read(model, file):
    path = os.path.join(model, file)
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as text:
        return text.read()


def check_python(model):
    """A pickle may hold the byte code of one Python version, which no other can run."""
    import yaml

    wanted = str((yaml.safe_load(read(model, "python_env.yaml")) or {}).get("python") or "")
    try:
        major_minor = Version(wanted).release[:2]
    except InvalidVersion:
        return
    if major_minor == sys.version_info[:2]:
        return
    said = f"It was logged under Python {wanted}, and this image has Python {platform.python_version()}"
    if os.environ.get("ACCEPT_ANY_PYTHON"):
        print(f"{said}: it is tried anyway.", flush=True)
        return
    raise CannotServe(
        f"{said}; expected an image with Python {'.'.join(map(str, major_minor))} (ServingRuntime.image), "
        "or acceptAnyPython: true to try it all the same."
    )


def requirements(model):
    """The requirements by name, and the lines that are none (options, addresses, files beside the model)."""
    found, others = [], []
    for line in read(model, "requirements.txt").splitlines():
        line = line.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            others.append(line)
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            found.append(requirement)
    return found, others


def differences(found):
    missing, different = [], []
    for requirement in found:
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(str(requirement))
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            different.append(f"{requirement} (here {installed})")
    return missing, different


def check(model):
    """The Python program that is to serve the model."""
    check_python(model)
    found, others = requirements(model)
    missing, different = differences(found)
    if os.environ.get("REQUIREMENTS_INDEX_URL") and (missing or different or others):
        return install(model)
    if others:
        print(f"Not checked: {', '.join(others)}", flush=True)
    if missing:
        raise CannotServe(
            f"It requires {', '.join(missing)}, which this image does not have; expected ServingRuntime.withRequirements, "
            "or an image that has them (ServingRuntime.image)."
        )
    if different:
        # Most models work all the same; loading it and the warm-up request tell.
        print(f"Packages of another version than it was logged with: {', '.join(different)}", flush=True)
    return sys.executable


def install(model):
    """An environment over the image's own packages, in a folder that is named by what is in it."""
    index = os.environ["REQUIREMENTS_INDEX_URL"]
    parts = [read(model, "requirements.txt"), index, *image()]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    folder = os.path.join(os.environ["PACKAGES_DIRECTORY"], key)
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(python):
        print(f"Its requirements are installed already ({key}).", flush=True)
        return python
    started = time.monotonic()
    remove_remains(os.environ["PACKAGES_DIRECTORY"])
    # Other pods may be at it in the same volume: each in a folder of its own, which it then gives the name.
    building = f"{folder}.{platform.node()}.{os.getpid()}"
    try:
        make_environment(building)
        see_packages_of_image(building)
        pip_install(model, building, index)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    try:
        os.rename(building, folder)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
    print(f"Its requirements were installed in {time.monotonic() - started:.1f} s ({key}).", flush=True)
    return python


def image():
    """What an environment rests on, which another image has otherwise: its Python program, and the packages behind its own."""
    installed = {f"{canonicalize_name(each.name)}=={each.version}" for each in importlib.metadata.distributions() if each.name}
    yield from (sys.executable, sys.version, sysconfig.get_config_var("SOABI") or platform.machine())
    yield from (*site.getsitepackages(), *sorted(installed))


def remove_remains(packages):
    """Folders that were being made when their pod was killed: of this pod, which makes one at a time, and of pods long gone."""
    for entry in os.scandir(packages):
        if not (building := BUILDING.fullmatch(entry.name)):
            continue
        try:
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
        except FileNotFoundError:
            continue  # Another pod removed it.
        if building["pod"] == platform.node() or age > ABANDONED_SECONDS:
            shutil.rmtree(entry.path, ignore_errors=True)


def make_environment(folder):
    command = [sys.executable, "-m", "venv", "--without-pip", folder]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise OSError(f"no environment for its requirements: {result.stdout[-600:]}")


def see_packages_of_image(environment):
    """Behind its own; not by --system-site-packages, which overlooks an image whose Python is in a venv itself."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    own = os.path.join(environment, "lib", version, "site-packages")
    with open(os.path.join(own, "image.pth"), "w", encoding="utf-8") as file:
        file.write("\n".join(site.getsitepackages()) + "\n")


def pip_install(model, environment, index):
    python = os.path.join(environment, "bin", "python")
    command = [
        *(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-input", "install"),
        *("--progress-bar", "off", "--retries", "2", "--no-cache-dir", "--index-url", index, "--requirement", "requirements.txt"),
    ]
    if index.startswith("http://"):
        command += ["--trusted-host", index.split("/")[2].split(":")[0]]
    # In the model's folder, as requirements may name files beside them.
    result = subprocess.run(command, cwd=model, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        return
    said = result.stdout
    print(said[-4000:], flush=True)
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or ["pip failed"]
    last = errors[-1].removeprefix("ERROR: ")
    if "No space left on device" in said:
        raise may_pass.MayPass(f"The disk has no space left for its requirements: {last}")
    # pip's last message is the same for a package that no index has and for an index that does not answer.
    if found := next((line for line in said.splitlines() if may_pass.NETWORK.search(line)), None):
        raise may_pass.MayPass(f"The package index {index} does not answer correctly: {pip_words(found)}")
    if trouble := index_trouble(index, [each.name for each in requirements(model)[0]]):
        raise may_pass.MayPass(f"The package index {index} does not answer correctly: {trouble}")
    raise CannotServe(f"Its requirements cannot be installed from {index}: {last}")


def index_trouble(index, names):
    """What the index answers to a request for these packages: pip does not report a 503."""
    if not index.startswith("http"):
        return None
    for name in names:
        try:
            urllib.request.urlopen(f"{index.rstrip('/')}/{canonicalize_name(name)}/", timeout=15).close()
        except urllib.error.HTTPError as error:
            if error.code in may_pass.BUSY:
                return f"HTTP {error.code}"
        except OSError as error:
            return may_pass.words(error)
    return None


def pip_words(line):
    """What pip says of an index, without what changes each time."""
    line = re.sub(r"<?[\w.]+ object at 0x[0-9a-f]+>?(: )?", "", line)
    return re.sub(r"^WARNING: Retrying \(Retry\(.*?\)\) after ", "", line).strip()[:400]


def python_file():
    """Tells the server which Python program it is to be."""
    return os.path.join(directory(), "python")
