"""What a program here replaces in MLflow, uvicorn or SQLAlchemy must be there: without it, a limit or a guard would be missing."""

import importlib
import importlib.metadata
import os
import sys

EXIT_CODE = 3  # By which uvicorn knows that a worker cannot start, and starts no other one.


class Missing(SystemExit):
    """Ends the program with this message."""

    def __init__(self, message):
        super().__init__(EXIT_CODE)
        self.message = message

    def __str__(self):
        return self.message


def required(holder, name, package="mlflow"):
    """An attribute of a module or a class of that package."""
    if not hasattr(holder, name):
        raise missing(f"{in_full(holder)}.{name}", package)
    return getattr(holder, name)


def required_module(name, package="mlflow"):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Not one that another package lacks.
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise missing(name, package) from None
        raise


def missing(what, package="mlflow"):
    """The error to raise, which is said at once: uvicorn says nothing of it."""
    try:
        found = f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        found = f"this {package}"
    message = (
        f"{os.path.basename(sys.argv[0])}: {found} has no {what}, without which a limit or a guard would be missing; expected "
        f"the default image of this release of cdk8s-mlflow, or a release of cdk8s-mlflow that knows {found}"
    )
    print(message, file=sys.stderr, flush=True)
    return Missing(message)


def in_full(holder):
    module = getattr(holder, "__module__", None)
    return f"{module}.{holder.__qualname__}" if module else holder.__name__
