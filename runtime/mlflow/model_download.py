"""Downloads one version of a model, whole or not at all."""

import os
import shutil

from may_pass import MayPass
from serving_settings import MLMODEL, CannotServe, directory, model_in_words, model_path

ATTEMPTS = 3


def files_of(repository, path=None):
    """Every file that the registry lists, with its size in bytes where the store tells it."""
    files = {}
    for entry in repository.list_artifacts(path):
        if entry.is_dir:
            files.update(files_of(repository, entry.path))
        else:
            files[entry.path] = None if entry.file_size is None else int(entry.file_size)
    return files


def incomplete(folder, files):
    """What is wrong with the files of a download, a phrase each."""
    for path, size in files.items():
        local = os.path.join(folder, path)
        if not os.path.isfile(local):
            yield f"{path} is missing"
        elif size is not None and os.path.getsize(local) != size:
            yield f"{path} has {os.path.getsize(local)} of {size} bytes"


def check_listing(files):
    if MLMODEL not in files:
        raise CannotServe(f"Its artifacts ({len(files)} files) include no file {MLMODEL}: it is not an MLflow model.")
    space = int(os.environ.get("MODEL_SPACE_BYTES", "0"))
    size = sum(filter(None, files.values()))
    if space and size > space:
        raise CannotServe(f"It has {size} bytes, and modelSpace holds {space}; expected a larger modelSpace.")


def download(repository):
    """The model's folder; an error of the network passes through, to be tried again later."""
    # The registry keeps no checksums, so what it lists, file by file, is what can be compared.
    files = files_of(repository)
    check_listing(files)
    partial = os.path.join(directory(), "partial")
    for _ in range(ATTEMPTS):
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(partial)
        repository.download_artifacts("", dst_path=partial)
        faults = list(incomplete(partial, files))
        if not faults:
            break
        print(f"The download of {model_in_words()} is incomplete: {'; '.join(faults[:5])}", flush=True)
    else:
        raise MayPass(f"Its artifacts are incomplete after {ATTEMPTS} downloads: {'; '.join(faults[:5])}.")
    shutil.rmtree(model_path(), ignore_errors=True)
    # In one step, so that the server finds all of it or nothing.
    os.rename(partial, model_path())
    return len(files), sum(filter(None, files.values()))
