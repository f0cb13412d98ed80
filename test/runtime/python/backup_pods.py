"""Runs the pods of the backup, the restore and the drill: the program, and the scripts of its two sidecars."""

import os
import signal
import subprocess
from pathlib import Path

from support import PASSWORD, PROGRAMS, PodTestCase, free_port, pod_environment, postgres, until

SCRIPTS = {"postgres": PROGRAMS.parent / "postgres" / "run-postgres.sh", "rclone": PROGRAMS.parent / "rclone" / "run-rclone.sh"}


class BackupTestCase(PodTestCase):
    """The store and the target are folders. rclone handles them like buckets."""

    def setUp(self):
        super().setUp()
        self.store, self.target = self.folder / "store", self.folder / "target"
        self.store.mkdir()
        self.target.mkdir()
        self.pods = 0
        # The programs in this folder replace the real ones.
        self.programs = self.folder / "programs"
        self.programs.mkdir()

    def file(self, path, content="content"):
        file = self.store / "artifacts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def pod(self, program, database, code=0, key=None, store=None, drill=False, server=None, sqlite=None, remote=None, **more):
        """Runs all three containers until the main one exits. Returns the output of that one."""
        self.pods += 1
        work = self.folder / f"work-{self.pods}"
        work.mkdir()
        if sqlite:
            # A drill has no volume.
            files = {"DATABASE_MODULE": "sqlite_files", "DATABASE_NAME": "mlflow", "SQLITE_DIRECTORY": str(sqlite)}
            environment = beside = {} if program == "restore_drill.py" else files
            drill = program == "restore_drill.py"
        elif drill:
            port = str(free_port())
            environment = {"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "mlflow", "PGDATABASE": "postgres"}
            beside = {"DRILL_DATA": str(work / "data"), **environment}
        else:
            environment = beside = (server or postgres()).environment(database)
        secrets = self.folder / f"secrets-{self.pods}"
        secrets.mkdir()
        if key:
            (secrets / "ENCRYPTION_PASSWORD").write_text(key)
        if remote:
            for name in ("TARGET_ACCESS_KEY_ID", "TARGET_SECRET_ACCESS_KEY"):
                (secrets / name).write_text("key")
        rclone = {"TARGET_REMOTE": str(self.target), **(remote or {}), **({} if drill else {"STORE_URI": (store or self.store).as_uri()})}
        sidecars = [
            *([] if sqlite else [self.sidecar("postgres", work, self.secrets, beside, drill)]),
            self.sidecar("rclone", work, secrets, rclone),
        ]
        if drill:
            # That pod has no Secrets of the platform's own database.
            self.secrets, own = secrets, self.secrets
        try:
            environment = {"WORK_DIRECTORY": str(work), **environment, **more}
            return self.run_to_end(program, environment=environment, code=code)
        finally:
            if drill:
                self.secrets = own
            for sidecar in sidecars:
                end(sidecar)

    def sidecar(self, name, work, secrets, environment, drill=False):
        path = f"{self.programs}:{postgres().bin}:{os.environ['PATH']}"
        user = {}
        if drill and os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            for folder in (self.folder, work):
                folder.chmod(0o777)
            user = postgres().user
        more = {"WORK_DIRECTORY": str(work), "PATH": path, **environment}
        process = subprocess.Popen(
            ["sh", SCRIPTS[name]], env={**pod_environment(secrets, more)}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **user,
        )
        self.end_with_test(process)
        self.addCleanup(end, process)
        until((work / f"alive-{name}").exists, f"run-{name}.sh runs")
        return process

    def back_up(self, database, **more):
        return self.pod("backup.py", database, **more)

    def restore(self, database, **more):
        return self.pod("restore.py", database, **more)

    def drill(self, **more):
        return self.pod("restore_drill.py", "postgres", drill=True, **more)

    def stamps(self):
        return sorted(path.name for path in (self.target / "backups").iterdir())

    def stored(self):
        """Returns the paths of the target's artifacts, each with its folder."""
        return sorted(str(path.relative_to(self.target / "artifacts")) for path in files(self.target / "artifacts"))

    def contents(self):
        return {str(path.relative_to(self.store)): path.read_text() for path in files(self.store)}


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
