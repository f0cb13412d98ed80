"""Seconds and memory of a backup, a second one and a restore of 5,000 files with 2 GiB: `python -m unittest measure_backup`.

The store and the target are folders of this machine, PostgreSQL, pg_dump and rclone are real. Not a test: it prints figures.
"""

import os
import random
import shutil
import threading
import time
import unittest
from pathlib import Path

from backup_pods import BackupTestCase, files
from support import new_schema, postgres

FILES = int(os.environ.get("FILES", "5000"))
MEBIBYTES = int(os.environ.get("MEBIBYTES", "2048"))
RUNS = 20000

RCLONE = """#!/usr/bin/env python3
import resource, subprocess, sys
code = subprocess.call([{real!r}, *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open({log!r}, "a") as log:
    print(used.ru_maxrss, used.ru_utime + used.ru_stime, sys.argv[2:3], file=log)
sys.exit(code)
"""


class Sampler:
    """The peak of memory of a program, and what it used of the processors."""

    def __init__(self, program):
        self.program, self.kibibytes, self.seconds = program, 0, 0.0
        self.ended = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def watch(self):
        while not self.ended.wait(0.2):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if self.program.encode() not in (process / "cmdline").read_bytes():
                        continue
                    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
                    self.kibibytes = max(self.kibibytes, int(status["VmHWM"].split()[0]))
                    used = (process / "stat").read_text().rsplit(") ", 1)[1].split()[11:13]
                    self.seconds = max(self.seconds, sum(map(int, used)) / os.sysconf("SC_CLK_TCK"))
                except (OSError, KeyError):
                    continue


class Measure(BackupTestCase):
    watchdog_seconds = 3600

    def test_of_a_large_store(self):
        self.log = self.folder / "rclone.log"
        wrapper = self.programs / "rclone"
        wrapper.write_text(RCLONE.format(real=shutil.which("rclone"), log=str(self.log)))
        wrapper.chmod(0o755)
        name = postgres().create("large", new_schema())
        postgres().sql(name, f"""
            INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'churn', 'active');
            INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status, source_type)
                SELECT 'run' || n, 'r', 1, 'active', 'FINISHED', 'LOCAL' FROM generate_series(1, {RUNS}) n;
            INSERT INTO params (run_uuid, key, value) SELECT run_uuid, 'k' || n, md5(run_uuid) FROM runs, generate_series(1, 10) n;
            INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan)
                SELECT run_uuid, 'm', n, n, n, false FROM runs, generate_series(1, 25) n""")
        # Half of the space in a tenth of the files, as models beside small files.
        large = FILES // 10
        sizes = [MEBIBYTES * 1024 * 1024 // 2 // large] * large
        sizes += [MEBIBYTES * 1024 * 1024 // 2 // (FILES - large)] * (FILES - large)
        block = random.randbytes(max(sizes) + FILES)
        for number, size in enumerate(sizes):
            file = self.store / "artifacts" / "1" / f"run{number}" / "artifacts" / "model.pkl"
            file.parent.mkdir(parents=True)
            file.write_bytes(memoryview(block)[number : number + size])
        [(bytes,)] = postgres().sql(name, f"SELECT pg_database_size('{name}')")
        print(f"\n{len(sizes)} files, {sum(sizes) / 2**30:.2f} GiB; database {bytes / 2**20:.0f} MiB, {RUNS} runs", flush=True)
        self.measured("backup", "backup.py", name)
        time.sleep(1)
        self.measured("second backup", "backup.py", name, KEEP_ALL="yes")
        empty = self.folder / "empty"
        empty.mkdir()
        self.measured("restore", "restore.py", postgres().create("large_restored", new_schema()), store=empty)
        self.assertEqual(len(files(empty)), FILES)

    def measured(self, what, program, database, **more):
        self.log.write_text("")
        begun = time.monotonic()
        with Sampler(f"runtime/mlflow/{program}") as sampler:
            said = self.pod(program, database, **more)
        seconds = time.monotonic() - begun
        calls = [line.split(" ", 2) for line in self.log.read_text().splitlines()]
        peak, used = max(int(each[0]) for each in calls), sum(float(each[1]) for each in calls)
        print(
            f"{what}: {seconds:.0f} s; program {sampler.kibibytes // 1024} MiB, {sampler.seconds:.1f} processor s;"
            f" rclone {peak // 1024} MiB, {used:.1f} processor s\n{said.strip()}", flush=True,
        )


if __name__ == "__main__":
    unittest.main()
