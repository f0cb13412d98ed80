"""Moves artifacts between two stores with a real rclone and a real PostgreSQL. The stores are folders here, which rclone
handles like buckets; e2e/suites/move-between-stores.long.test.ts has MinIO and SeaweedFS."""

import gzip
import json
import os
import shutil
import unittest

from backup_pods import BackupTestCase, end, files
from support import new_schema, postgres

RECORD = "cdk8s-mlflow-moved.jsonl.gz"

# Replaces rclone, and runs a command of the test before or after one of the real one.
RCLONE = """#!/bin/sh
[ "$2" != {before} ] && [ "$3" != {before} ] || {{ {command}; }} >/dev/null
{rclone} "$@"
code=$?
[ "$2" != {after} ] && [ "$3" != {after} ] || {{ {command}; }} >/dev/null
exit $code
"""


class MoveTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.database = postgres().create(f"move_{id(self)}", new_schema())
        for number in range(3):
            self.file(f"1/run-{number}/artifacts/model/weights.bin", f"weights {number}" * 1000)
        self.file("1/run-0/artifacts/é and blank, 100%.txt", "é")
        self.file("1/run-0/artifacts/empty", "")
        (self.store / "backups").mkdir()
        (self.store / "backups" / "a.dump").write_text("a dump")

    def move(self, paused=False, code=0, store=None, target=None):
        """Runs the program and the script of its sidecar. Returns what the program wrote."""
        self.pods += 1
        work, secrets = self.folder / f"work-{self.pods}", self.folder / f"secrets-{self.pods}"
        work.mkdir()
        secrets.mkdir()
        stores = {"STORE_URI": (store or self.store).as_uri(), "DESTINATION_URI": (target or self.target).as_uri()}
        sidecar = self.sidecar("rclone", work, secrets, stores)
        environment = {"WORK_DIRECTORY": str(work), "WRITES_PAUSED": "yes" if paused else "no", **postgres().environment(self.database)}
        try:
            return self.run_to_end("move_artifacts.py", environment=environment, code=code)
        finally:
            end(sidecar)

    def contents_of(self, store):
        return {str(path.relative_to(store)): path.read_text() for path in files(store / "artifacts")}

    def assert_same(self):
        self.assertEqual(self.contents_of(self.target), self.contents_of(self.store))

    def with_rclone(self, command, before="never", after="never"):
        program = self.programs / "rclone"
        program.write_text(RCLONE.format(before=before, after=after, command=command, rclone=shutil.which("rclone")))
        program.chmod(0o755)


class Move(MoveTestCase):
    def test_copies_all_artifacts_and_nothing_else(self):
        said = self.move()
        self.assertIn("Copied 5 files", said)
        self.assertIn("Set pauseArtifactWrites, and run this Job again", said)
        self.assert_same()
        self.assertEqual(sorted(path.name for path in self.target.iterdir()), ["artifacts", RECORD])

    def test_a_second_run_with_paused_writes_copies_only_what_is_new_and_says_that_it_is_complete(self):
        self.move()
        self.file("2/run/artifacts/new", "new")
        said = self.move(paused=True)
        self.assertIn("Copied 1 files (3 bytes)", said)
        self.assertIn("proved 1 by their SHA-256, which was read from both stores. 5 were proven before", said)
        self.assertIn("Complete: all 6 files are at the destination", said)
        self.assert_same()

    def test_copies_a_changed_file_of_the_same_size_again(self):
        self.move()
        self.file("1/run-0/artifacts/é and blank, 100%.txt", "è")
        self.assertIn("Copied 1 files", self.move(paused=True))
        self.assert_same()

    def test_reads_files_of_a_run_that_was_ended_and_does_not_copy_them(self):
        self.move()
        (self.target / RECORD).unlink()
        said = self.move(paused=True)
        self.assertIn("Copied 0 files", said)
        self.assertIn("proved 5", said)

    def test_a_damaged_record_only_costs_time(self):
        self.move()
        for content in (b"no gzip", gzip.compress(b"no json"), gzip.compress(json.dumps(["path", 1]).encode())):
            (self.target / RECORD).write_bytes(content)
            said = self.move(paused=True)
            self.assertIn("all files are read again", said)
            self.assertIn("proved 5", said)

    def test_copies_a_file_again_that_was_damaged_at_the_destination(self):
        self.move()
        weights = "1/run-1/artifacts/model/weights.bin"
        good = (self.target / "artifacts" / weights)
        changed = good.stat()
        good.write_text("x" * changed.st_size)
        # As old as the one of the source: no server wrote it.
        os.utime(good, ns=(changed.st_atime_ns, changed.st_mtime_ns - 10**9))
        self.assertIn("Copied 1 files", self.move(paused=True))
        self.assert_same()

    def test_leaves_what_was_removed_at_the_source_and_says_so(self):
        self.move()
        (self.store / "artifacts" / "1/run-0/artifacts/empty").unlink()
        said = self.move(paused=True)
        self.assertIn("The destination has 1 files that the store of the server does not have: 1/run-0/artifacts/empty", said)
        self.assertIn("Complete: all 4 files", said)

    def test_the_way_back_copies_what_was_written_since(self):
        self.move()
        after = self.target / "artifacts" / "3" / "after"
        after.parent.mkdir()
        after.write_text("written after the change")
        said = self.move(paused=True, store=self.target, target=self.store)
        self.assertIn("Copied 1 files", said)
        self.assertIn("Complete: all 6 files", said)
        self.assert_same()


class Refused(MoveTestCase):
    def test_does_not_overwrite_what_a_server_wrote_to_the_destination_since(self):
        self.move()
        path = "1/run-0/artifacts/model/weights.bin"
        (self.target / "artifacts" / path).write_text("of the server")
        said = self.move(code=3)
        self.assertIn(f"are newer: {path}. Does a server write to the destination already?", said)
        self.assertEqual((self.target / "artifacts" / path).read_text(), "of the server")

    def test_a_store_without_artifacts(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertIn("The store of the server has no folder 'artifacts': nothing to move", self.move(code=3, store=empty))

    def test_a_destination_that_cannot_be_written(self):
        self.with_rclone("exit 7", before="copy")
        said = self.move(code=1)
        self.assertIn("rclone ended with 7", said)

    def test_a_file_that_does_not_arrive_whole(self):
        self.with_rclone(f"echo damaged >'{self.target}/artifacts/1/run-0/artifacts/empty'", after="copy")
        said = self.move(paused=True, code=1)
        self.assertIn("1 files cannot be read, or did not arrive whole at the destination: 1/run-0/artifacts/empty.", said)
        self.assertNotIn("Complete", said)


class Writers(MoveTestCase):
    def test_a_file_that_is_written_meanwhile_is_told_and_copied_by_the_next_run(self):
        self.with_rclone(f"echo more >'{self.store}/artifacts/1/late'", after="copy")
        said = self.move()
        self.assertIn("1 files were written meanwhile. Set pauseArtifactWrites, and run this Job again.", said)
        (self.programs / "rclone").unlink()
        self.assertIn("Copied 1 files", self.move(paused=True))
        self.assert_same()

    def test_a_client_that_goes_on_although_uploads_are_refused_is_told(self):
        self.with_rclone(f"date +%s%N >'{self.store}/artifacts/1/late'", after="copy")
        said = self.move(paused=True, code=1)
        self.assertIn("1 files were changed while the server refuses uploads: 1/late. Expected no other client", said)


class Locations(MoveTestCase):
    def test_tells_what_refers_to_a_store_by_its_own_address(self):
        for number, location in enumerate(["mlflow-artifacts:/7", "s3://other-bucket/7", "s3://other-bucket/8", "/a/folder"]):
            postgres().sql(
                self.database,
                "INSERT INTO experiments (name, artifact_location, lifecycle_stage, workspace) VALUES (%s, %s, 'active', 'default')",
                [f"experiment-{number}", location],
            )
        said = self.move()
        self.assertIn("Not moved: 2 rows of the table experiments refer to s3://other-bucket by its own address.", said)
        self.assertEqual(said.count("Not moved"), 1)

    def test_an_unreachable_database_is_told_before_anything_is_copied(self):
        self.database = "absent"
        self.assertIn("The database absent cannot be read", self.move(code=1))
        self.assertEqual(list(self.target.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
