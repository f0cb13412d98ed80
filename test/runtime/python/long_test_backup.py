import datetime
import gzip
import http.server
import importlib.metadata
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
import unittest

from backup_pods import BackupTestCase, files
from support import NEW_SCHEMA, OLD_REVISION, PASSWORD, PROGRAMS, Postgres, free_port, new_auth_schema, new_schema, old_schema, postgres, pushgateway

sys.path.insert(0, str(PROGRAMS))
import retention  # noqa: E402

ROWS = """
    INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'churn', 'active');
    INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status, source_type)
        SELECT 'run' || n, 'r', 1, 'active', 'FINISHED', 'LOCAL' FROM generate_series(1, 50) n;
    INSERT INTO params (run_uuid, key, value) SELECT run_uuid, 'k', E'\\\\ "v" é\\n' FROM runs;
    INSERT INTO registered_models (name, creation_time) VALUES ('churn', 1)"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
PARAMS = "SELECT run_uuid, key, value FROM params ORDER BY 1"


def database(name, template=None):
    return postgres().create(name, template or new_schema())


def used_database(name, template=None):
    name = database(name, template)
    postgres().sql(name, ROWS)
    return name


def rows(name, table="runs"):
    return postgres().sql(name, f"SELECT count(*) FROM {table}")[0][0]


def login(server, user="postgres"):
    return ["-h", "127.0.0.1", "-p", str(server.port), "-U", user]


class RoundTrip(BackupTestCase):
    def test_restores_rows_and_files_into_an_empty_platform(self):
        source = used_database("round_source")
        self.file("1/run1/model.pkl", "model")
        self.file("1/run2/ümlaut and space.txt", "text")
        said = self.back_up(source)
        self.assertIn("is complete: 1 databases, 2 files (9 bytes), of which 2 were copied now", said)
        before, params = self.contents(), postgres().sql(source, PARAMS)
        empty = self.folder / "empty"
        empty.mkdir()
        said = self.restore(database("round_target"), store=empty)
        self.assertIn("50 runs", said)
        self.store = empty
        self.assertEqual(self.contents(), before)
        self.assertEqual(postgres().sql("round_target", PARAMS), params)
        # The role of the server owns the restored tables.
        owners = postgres().sql("round_target", "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        self.assertEqual(owners, [("mlflow",)])

    def test_moves_the_database_to_another_server_and_leaves_the_files_as_they_are(self):
        source = used_database("moved")
        self.file("1/run1/model.pkl", "model")
        self.back_up(source)
        # As in docs/how-to/move-the-database.md: the migration has created the schema.
        other = Postgres()
        self.addCleanup(other.stop)
        other.sql("postgres", "CREATE DATABASE mlflow OWNER mlflow TEMPLATE template0 LOCALE 'C.UTF-8'")
        schema = subprocess.run(
            [other.bin / "pg_dump", "--no-owner", *login(postgres()), new_schema()], check=True, capture_output=True
        ).stdout
        subprocess.run([other.bin / "psql", "-q", *login(other, "mlflow"), "mlflow"], input=schema, check=True,
                       env={**os.environ, "PGPASSWORD": PASSWORD}, stdout=subprocess.DEVNULL)
        said = self.restore("mlflow", server=other, ONLY="database")
        self.assertIn("50 runs", said)
        self.assertIn("The artifact store was left as it is", said)
        self.assertEqual(other.sql("mlflow", PARAMS), postgres().sql(source, PARAMS))
        owners = other.sql("mlflow", "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        self.assertEqual(owners, [("mlflow",)])
        self.assertEqual(rows(source), 50)

    def test_restores_in_place_only_if_requested_and_keeps_the_old_rows_and_files(self):
        name = used_database("in_place")
        changed, removed = self.file("1/run1/changed", "as it was"), self.file("1/run1/removed", "there")
        self.back_up(name)
        postgres().sql(name, "DELETE FROM params; DELETE FROM runs WHERE run_uuid <> 'run1'")
        changed.write_text("another content")
        removed.unlink()
        self.file("1/run3/new", "new")
        said = self.restore(name, code=3)
        self.assertIn("is not empty (rows: 1 in runs, 1 in registered_models, 1 in experiments)", said)
        self.assertIn("Nothing was changed. To replace it all the same: OVERWRITE=yes", said)
        self.assertEqual(rows(name), 1)

        said = self.restore(name, OVERWRITE="yes")
        self.assertEqual((rows(name), rows(name, "params")), (50, 50))
        [(kept,)] = postgres().sql(name, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before%'")
        self.assertIn(f"is in its schema {kept}", said)
        self.assertEqual(rows(name, f"{kept}.runs"), 1)
        contents = self.contents()
        self.assertEqual(contents["artifacts/1/run1/changed"], "as it was")
        self.assertEqual(contents["artifacts/1/run1/removed"], "there")
        self.assertEqual(contents["artifacts/1/run3/new"], "new")
        [beside] = [path for path in contents if path.startswith("before-")]
        self.assertEqual(contents[beside], "another content")
        # The next backup contains neither the old schema nor the old files.
        self.assertIn("3 files", self.back_up(name))
        self.restore(database("in_place_again"), OVERWRITE="yes")
        self.assertEqual(
            postgres().sql("in_place_again", f"SELECT count(*) FROM pg_namespace WHERE nspname = '{kept}'"), [(0,)]
        )

    def test_refuses_to_replace_different_files_and_keeps_them_with_only_database(self):
        source = used_database("only_source")
        file = self.file("a", "old")
        self.back_up(source)
        file.write_text("newer")
        self.assertIn("1 files that differ from the backup's (artifacts/a)", self.restore(database("only_target"), code=3))
        self.assertIn("The artifact store was left as it is", self.restore("only_target", ONLY="database"))
        self.assertEqual((rows("only_target"), file.read_text()), (50, "newer"))

    def test_restores_a_named_backup_and_lists_existing_ones(self):
        name = used_database("named")
        self.back_up(name)
        [first] = self.stamps()
        time.sleep(1)
        postgres().sql(name, "DELETE FROM params")
        self.back_up(name, KEEP_ALL="yes")
        self.assertIn(f"expected one of {', '.join(self.stamps())}", self.restore(name, BACKUP="20200101T000000Z", code=3))
        self.restore(name, BACKUP=first, OVERWRITE="yes")
        self.assertEqual(rows(name, "params"), 50)

    def test_upgrades_the_schema_of_an_older_backup(self):
        name = used_database("older", old_schema())
        self.back_up(name)
        said = self.restore(database("older_target"))
        self.assertIn(f"upgrading the schema, {OLD_REVISION} ->", said)
        self.assertEqual(rows("older_target"), 50)

    def test_reports_a_failed_upgrade_without_statements_and_rows(self):
        name = used_database("upgrade_fails", old_schema())
        tables = set(postgres().sql(new_schema(), TABLES)) - set(postgres().sql(old_schema(), TABLES))
        new = sorted(tables)[0][0]
        postgres().sql(name, f"CREATE TABLE {new} (x int); ALTER TABLE {new} OWNER TO mlflow")
        self.back_up(name)
        said = self.restore(database("upgrade_fails_target"), code=1)
        self.assertIn(f'DuplicateTable: relation "{new}" already exists', said)
        self.assertNotIn("CREATE TABLE", said)
        self.assertNotIn("sqlalche.me", said)

    def test_refuses_a_backup_of_a_newer_mlflow_before_it_changes_anything(self):
        name = used_database("newer_backup")
        self.back_up(name)
        # Changes the manifest to that of a newer MLflow, because this one refuses to back up an unknown schema.
        file = next(self.target.glob("backups/*/manifest.json"))
        manifest = json.loads(file.read_text())
        manifest["databases"][0]["revision"] = "ffffffffffff"
        file.write_text(json.dumps(manifest))
        self.assertIn("Run that newer MLflow", self.restore(database("newer_target"), code=3))
        self.assertEqual(rows("newer_target"), 0)

    def test_backs_up_the_database_of_users_too(self):
        tracking, users = used_database("with_users"), database("with_users_auth", new_auth_schema())
        postgres().sql(users, "INSERT INTO users (username, password_hash, is_admin) VALUES ('anna', 'x', true)")
        self.back_up(tracking, AUTH_DATABASE=users)
        postgres().sql(users, "DELETE FROM users")
        ini = self.folder / "basic_auth.ini"
        ini.write_text(
            "[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///with_users_auth\n"
            "admin_username = admin\nadmin_password = password1234\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        more = {"AUTH_DATABASE": users, "MLFLOW_AUTH_CONFIG_PATH": str(ini), "MLFLOW_FLASK_SERVER_SECRET_KEY": "x"}
        empty = database("with_users_empty")
        postgres().sql(users, "INSERT INTO users (username, password_hash) VALUES ('bob', 'x'), ('admin', 'x'), ('deployer', 'x')")
        more |= {"MLFLOW_AUTH_ADMIN_USERNAME": "admin", "SERVICE_USERS": "deployer notebooks"}
        said = self.restore(empty, code=3, **more)
        self.assertIn(f"The auth database {users} is not empty (users: bob)", said)
        postgres().sql(users, "DELETE FROM users WHERE username = 'bob'")
        self.restore(empty, **more)
        self.assertEqual(postgres().sql(users, "SELECT username FROM users"), [("anna",)])


class Sizes(BackupTestCase):
    def test_of_artifacts_are_logged_and_sent_by_workspace(self):
        name = used_database("sizes")
        self.file("1/model", "one"), self.file("workspaces/fraud/2/model", "three")
        variables, sent = pushgateway(self)
        said = self.back_up(name, WORKSPACES="fraud pricing", METRICS_JOB="mlflow-backup", **variables)
        self.assertIn(
            "Artifacts by workspace: default 1 files (3 bytes), fraud 1 files (5 bytes), pricing 0 files (0 bytes).", said
        )
        [(path, text)] = sent.items()
        self.assertEqual(path, "/metrics/job/mlflow-backup/namespace/mlflow")
        self.assertIn('mlflow_artifact_bytes{workspace="fraud"} 5\n', text)
        self.assertIn('mlflow_artifact_objects{workspace="default"} 1\n', text)

    def test_that_cannot_be_sent_do_not_fail_the_backup(self):
        name = used_database("sizes_unsent")
        gateway = {"PUSHGATEWAY_URL": f"http://127.0.0.1:{free_port()}", "METRICS_JOB": "a", "POD_NAMESPACE": "b"}
        said = self.back_up(name, **gateway)
        self.assertIn("The figures could not be sent to http://127.0.0.1", said)
        self.assertIn("is complete", said)


class Incremental(BackupTestCase):
    def test_copies_only_changed_files_again(self):
        name = used_database("incremental")
        changed = self.file("changed", "one")
        self.file("same", "same")
        self.back_up(name)
        time.sleep(1)
        changed.write_text("two")
        said = self.back_up(name, KEEP_ALL="yes")
        self.assertIn("2 files (7 bytes), of which 1 were copied now (3 bytes)", said)
        first, second = self.stamps()
        self.assertEqual(
            self.stored(), [f"{first}/artifacts/changed", f"{first}/artifacts/same", f"{second}/artifacts/changed"]
        )
        time.sleep(1)
        self.assertIn("of which 0 were copied now", self.back_up(name, KEEP_ALL="yes"))
        self.restore(name, BACKUP=first, OVERWRITE="yes")
        self.assertEqual(changed.read_text(), "one")

    def test_continues_an_interrupted_backup(self):
        name = used_database("cut_short")
        self.file("a"), self.file("b")
        shutil.copytree(self.store, self.target / "artifacts" / "20260101T000000Z")
        self.back_up(name)
        self.assertEqual(self.stored(), ["20260101T000000Z/artifacts/a", "20260101T000000Z/artifacts/b"])
        self.drill()

    def test_does_not_copy_a_file_again_if_only_its_time_changed(self):
        name = used_database("other_time")
        file = self.file("same")
        self.back_up(name)
        [first] = self.stamps()
        for _ in range(2):
            os.utime(file, (time.time() + 100, time.time() + 100))
            time.sleep(1)
            self.assertIn("1 files (7 bytes), of which 0 were copied now", self.back_up(name, KEEP_ALL="yes"))
        self.assertEqual(self.stored(), [f"{first}/artifacts/same"])
        self.assertIn("is proven", self.drill())

    def test_copies_a_file_again_that_the_target_has_lost(self):
        name = used_database("lost_one")
        self.file("a"), self.file("b")
        self.back_up(name)
        [first] = self.stamps()
        (self.target / "artifacts" / first / "artifacts" / "a").unlink()
        time.sleep(1)
        said = self.back_up(name, KEEP_ALL="yes")
        self.assertIn("The target has lost 1 files of the newest backup: artifacts/a.", said)
        self.assertIn("2 files (14 bytes), of which 1 were copied now", said)
        self.assertIn("is proven", self.drill())

    def test_leaves_out_dumps_of_migrations(self):
        name = used_database("no_dumps")
        (self.store / "backups").mkdir()
        (self.store / "backups" / "mlflow.dump").write_text("secret")
        self.assertIn("0 files", self.back_up(name))


class OtherPlatform(BackupTestCase):
    def test_an_empty_platform_does_not_take_over_the_target_of_one_with_runs(self):
        self.back_up(used_database("taken_over"))
        [stamp] = self.stamps()
        empty = database("taking_over")
        said = self.back_up(empty, code=3)
        self.assertIn(f"The newest backup at the target, {stamp}, has 50 runs and 1 registered models", said)
        self.assertIn("Nothing was changed", said)
        self.assertEqual(self.stamps(), [stamp])
        self.assertIn("is complete", self.back_up(empty, ALLOW_EMPTY="yes"))
        # The newest backup is now an empty one, so another empty one is accepted.
        self.assertIn("is complete", self.back_up(empty))


class Locks(BackupTestCase):
    def test_waits_for_a_migration_and_gives_up(self):
        name = used_database("backup_waits")
        with postgres().connect(name).cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [0x6D6C666C6F77])
            said = self.back_up(name, code=1, LOCK_SECONDS="2")
        self.assertIn("A migration is running. Waiting for it.", said)
        self.assertIn("Gave up waiting", said)

    def test_a_dump_that_takes_too_long_ends(self):
        name = used_database("slow_backup")
        with postgres().connect(name).cursor() as cursor:
            cursor.execute("LOCK TABLE params")
            said = self.back_up(name, code=1, DUMP_SECONDS="2")
        self.assertIn("a dump and its upload took too long, and a migration may wait for them", said)

    def test_an_upload_that_takes_too_long_ends(self):
        name = used_database("slow_upload")
        real = shutil.which("rclone")
        rclone = self.programs / "rclone"
        rclone.write_text(f"#!/bin/sh\ncase $* in *tracking.dump*) sleep 60 ;; esac\nexec {real} \"$@\"\n")
        rclone.chmod(0o755)
        said = self.back_up(name, code=1, DUMP_SECONDS="5")
        self.assertIn("a dump and its upload took too long, and a migration may wait for them", said)

    def test_sessions_of_our_own_jobs_do_not_stop_a_restore(self):
        source, name = used_database("waiting_source"), database("waiting_target")
        self.back_up(source)
        # A Job that waits for a lock.
        with postgres().connect(name, user="mlflow", application_name="cdk8s-mlflow") as _:
            self.restore(name, STOP_SECONDS="1")
        self.assertEqual(rows(name), 50)

    def test_a_session_of_another_program_stops_a_restore(self):
        source, name = used_database("busy_source"), database("busy")
        self.back_up(source)
        with postgres().connect(name, user="mlflow", application_name="notebook") as _:
            said = self.restore(name, code=1, STOP_SECONDS="1")
        self.assertIn("Sessions of other programs use the database: notebook (process ", said)
        self.assertEqual(rows(name), 0)


class ApiServer:
    """An API server with one Deployment. It records the replicas that requests set."""

    def __init__(self, case, replicas):
        self.replicas, self.told = replicas, []
        self.away = 0  # The number of times that it refuses to start pods.
        self.stopped = lambda: None  # Called for a request while no pods exist.
        folder = case.folder / "account"
        folder.mkdir()
        (folder / "token").write_text("a token")
        (folder / "namespace").write_text("mlflow")
        subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", folder / "key", "-out", folder / "ca.crt"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *files],
            check=True, stderr=subprocess.DEVNULL,
        )
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "ca.crt", folder / "key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        case.addCleanup(server.server_close)
        case.addCleanup(server.shutdown)
        self.environment = {
            "SERVICE_ACCOUNT_DIRECTORY": str(folder), "SERVER_DEPLOYMENT": "mlflow-server", "SERVER_REPLICAS": "2",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server_address[1]),
        }

    def handler(api):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                known = self.path == "/apis/apps/v1/namespaces/mlflow/deployments/mlflow-server/scale"
                allowed = self.headers["Authorization"] == "Bearer a token"
                if api.told and api.replicas == 0:
                    api.stopped()
                self.answer(200 if known and allowed else 403)

            def answer(self, code):
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps({"spec": {"replicas": api.replicas}}).encode())

            def do_PATCH(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if body["spec"]["replicas"] and api.away:
                    api.away -= 1
                    return self.answer(503)
                api.replicas = body["spec"]["replicas"]
                api.told.append(api.replicas)
                return self.answer(200)

            def log_message(self, *_):
                pass

        return Handler


class Servers(BackupTestCase):
    def test_are_stopped_meanwhile_and_started_again(self):
        self.back_up(used_database("servers"))
        api = ApiServer(self, 5)
        said = self.restore(database("servers_target"), **api.environment)
        self.assertEqual(api.told, [0, 5])
        self.assertIn("Stopping mlflow-server, which has 5 pods.", said)
        self.assertIn("Started mlflow-server with 5 pods.", said)

    def test_are_started_again_after_a_failure_and_after_a_restore_that_was_killed(self):
        self.back_up(used_database("servers_failure"))
        # As a restore that was killed leaves it.
        api = ApiServer(self, 0)
        name = database("servers_failure_target")
        with postgres().connect(name, user="mlflow") as _:
            self.restore(name, code=1, STOP_SECONDS="1", **api.environment)
        self.assertEqual(api.told, [0, 2])

    def test_are_started_again_after_the_api_server_was_unavailable(self):
        self.back_up(used_database("servers_away"))
        api = ApiServer(self, 5)
        api.away = 2
        self.restore(database("servers_away_target"), **api.environment)
        self.assertEqual(api.told, [0, 5])

    def test_that_cannot_be_started_again_are_left_to_a_person(self):
        self.back_up(used_database("servers_gone"))
        api = ApiServer(self, 5)
        api.away = 100
        said = self.restore(database("servers_gone_target"), code=1, START_SECONDS="1", **api.environment)
        self.assertIn("kubectl scale deployment/mlflow-server --replicas=5", said)

    def test_that_another_program_starts_meanwhile_stop_a_restore(self):
        self.back_up(used_database("servers_back"))
        api = ApiServer(self, 5)
        api.stopped = lambda: setattr(api, "replicas", 3)
        name = database("servers_back_target")
        said = self.restore(name, code=1, **api.environment)
        self.assertIn("mlflow-server has 3 pods again", said)
        self.assertIn(f"The tracking database {name} was not changed", said)
        self.assertEqual((rows(name), api.told), (0, [0, 5]))

    def test_a_session_that_begins_meanwhile_stops_a_restore(self):
        self.back_up(used_database("session_later"))
        api = ApiServer(self, 1)
        name, begun = database("session_later_target"), []
        api.stopped = lambda: begun.append(postgres().connect(name, user="mlflow", application_name="notebook"))
        said = self.restore(name, code=1, STOP_SECONDS="1", **api.environment)
        self.assertIn("Sessions of other programs use the database: notebook", said)
        self.assertIn(f"The tracking database {name} was not changed", said)
        self.assertEqual(rows(name), 0)

    def test_a_lock_that_is_lost_meanwhile_stops_a_restore(self):
        self.back_up(used_database("lock_lost"))
        api = ApiServer(self, 1)
        name = database("lock_lost_target")
        end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        api.stopped = lambda: postgres().sql(name, end)
        said = self.restore(name, code=1, **api.environment)
        self.assertIn("The lock was lost meanwhile", said)
        self.assertIn(f"The tracking database {name} was not changed", said)
        self.assertEqual(rows(name), 0)

    def test_are_not_stopped_by_a_refused_restore(self):
        name = used_database("servers_refused")
        self.back_up(name)
        api = ApiServer(self, 3)
        self.restore(name, code=3, **api.environment)
        self.assertEqual(api.told, [])


class Encrypted(BackupTestCase):
    def test_names_and_contents_can_be_read_only_with_the_key(self):
        name = used_database("encrypted")
        file = self.file("secret-name", "secret content " * 100)
        self.back_up(name, key="the key\n")
        stored = files(self.target)
        self.assertTrue(stored)
        for path in stored:
            self.assertNotIn("secret", str(path.relative_to(self.target)))
            self.assertNotIn(b"secret", path.read_bytes())
        content = file.read_text()
        file.unlink()
        self.restore(name, key="the key", OVERWRITE="yes")
        self.assertEqual(file.read_text(), content)
        self.assertIn("is proven", self.drill(key="the key"))

    def test_a_folder_of_the_file_system_at_the_target_is_no_file_of_another_key(self):
        (self.target / "lost+found").mkdir()
        self.assertIn("is complete", self.back_up(used_database("file_system"), key="the key"))

    def test_another_key_is_refused_with_a_message(self):
        name = used_database("wrong_key")
        self.back_up(name, key="right")
        for said in (self.back_up(name, key="wrong", code=3), self.restore(name, key="wrong", code=3), self.drill(key="wrong", code=3)):
            self.assertIn("none that this key decrypts", said)


class Broken(BackupTestCase):
    """A restore of a broken backup changes nothing, and the drill reports the backup."""

    def setUp(self):
        super().setUp()
        self.name = used_database(f"broken_{self._testMethodName[-20:]}")
        self.lost = self.file("a", "content")
        self.file("b", "content")
        self.back_up(self.name)
        [self.stamp] = self.stamps()
        self.empty = database(f"{self.name}_empty")

    def everywhere(self, words):
        """Checks the messages of the restore and of the drill, and that the restore does not change the database."""
        restored = self.restore(self.empty, code=3)
        self.assertIn(words, restored)
        self.assertIn("Nothing was changed" if "lost" in words else words, restored)
        self.assertEqual(rows(self.empty), 0)

    def test_complete_backup_passes_the_drill(self):
        self.assertIn(f"The backup {self.stamp} is proven: 1 databases, 2 files, 2 of them read.", self.drill())

    def test_truncated_dump(self):
        dump = self.target / "backups" / self.stamp / "tracking.dump"
        os.truncate(dump, dump.stat().st_size // 2)
        self.everywhere("is damaged: it has ")
        self.assertIn("is damaged: it has ", self.drill(code=3))

    def test_altered_dump(self):
        dump = self.target / "backups" / self.stamp / "tracking.dump"
        content = bytearray(dump.read_bytes())
        content[len(content) // 2] ^= 1
        dump.write_bytes(content)
        self.everywhere("is damaged: its checksum")
        self.assertIn("is damaged: its checksum", self.drill(code=3))

    def test_lost_file(self):
        (self.target / "artifacts" / self.stamp / "artifacts" / "a").unlink()
        self.lost.unlink()
        self.everywhere("has lost 1 files of this backup: artifacts/a")
        self.assertIn("has lost 1 files of the backup", self.drill(code=1))
        said = self.restore(self.empty, ACCEPT_LOSS="yes")
        self.assertIn("Lost: 1 files: artifacts/a", said)
        self.assertEqual(rows(self.empty), 50)

    def test_altered_file(self):
        (self.target / "artifacts" / self.stamp / "artifacts" / "a").write_text("cOntent")
        self.assertIn("1 files of the backup", self.drill(code=1))
        self.lost.unlink()
        said = self.restore(self.empty, code=1)
        self.assertIn("1 files in the artifact store are not those of the backup: artifacts/a", said)
        self.assertEqual(rows(self.empty), 0)

    def test_altered_file_that_replaces_another(self):
        (self.target / "artifacts" / self.stamp / "artifacts" / "a").write_text("cOntent")
        self.lost.write_text("newer")
        said = self.restore(self.empty, code=1, OVERWRITE="yes")
        [kept] = self.store.glob("before-*")
        self.assertEqual((kept / "artifacts" / "a").read_text(), "newer")
        self.assertIn(f"the store's folder {kept.name}", said)
        self.assertIn("is restored; what was in it is in its schema before_", said)

    def test_database_that_cannot_be_restored_leaves_files_as_they_were(self):
        file = self.target / "backups" / self.stamp / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["databases"][0]["rows"]["runs"] = 49
        file.write_text(json.dumps(manifest))
        self.lost.write_text("newer")
        (self.store / "artifacts" / "b").unlink()
        said = self.restore(self.empty, code=1, OVERWRITE="yes")
        self.assertIn("runs has 50, not 49", said)
        self.assertRegex(said, r"Until then: what was in the tracking database .* is in its schema before_\w+\.")
        contents = self.contents()
        self.assertEqual(contents, {"artifacts/a": "newer", "artifacts/b": "content"})

    def test_lost_manifest(self):
        (self.target / "backups" / self.stamp / "manifest.json").unlink()
        self.everywhere("The target holds no complete backup.")

    def test_other_rows_than_the_manifest_says(self):
        file = self.target / "backups" / self.stamp / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["databases"][0]["rows"]["runs"] = 49
        file.write_text(json.dumps(manifest))
        self.assertIn("runs has 50, not 49", self.drill(code=1))

    def test_missing_store(self):
        shutil.rmtree(self.store)
        self.assertIn("The artifact store's folder does not exist", self.back_up(self.name, code=1))
        self.assertEqual([self.stamp], self.complete())

    def test_target_that_cannot_be_written(self):
        (self.target / "artifacts").rename(self.target / "gone")
        (self.target / "artifacts").write_text("no folder")
        self.file("c")
        self.back_up(self.name, code=1)
        self.assertEqual([self.stamp], self.complete())

    def complete(self):
        return [each.parent.name for each in self.target.glob("backups/*/manifest.json")]


class Findings(BackupTestCase):
    """What the drill says of broken backups."""

    def test_names_what_is_wrong_with_each_of_five(self):
        name = used_database("findings")
        self.file("a", "content"), self.file("b", "content")
        self.back_up(name)
        [stamp] = self.stamps()
        whole = self.folder / "whole"
        shutil.copytree(self.target, whole)
        dump, file = f"backups/{stamp}/tracking.dump", f"artifacts/{stamp}/artifacts/a"

        def altered_sum():
            manifest = self.target / "backups" / stamp / "manifest.json"
            manifest.write_text(re.sub(r'"sha256": "\w{4}', '"sha256": "0000', manifest.read_text()))

        cases = [
            ("a truncated dump", lambda: os.truncate(self.target / dump, 1000), {}, 3, "tracking.dump of the backup .* is damaged: it has 1000 bytes"),
            ("a lost file", (self.target / file).unlink, {}, 1, "has lost 1 files of the backup .*: artifacts/a"),
            ("another key", lambda: None, {"key": "another"}, 3, "holds files, and none that this key decrypts"),
            ("a changed checksum", altered_sum, {}, 3, "tracking.dump of the backup .* is damaged: its checksum is not the one of the manifest"),
            ("no manifest", (self.target / "backups" / stamp / "manifest.json").unlink, {}, 3, "The target holds no complete backup"),
        ]
        for what, break_it, more, code, words in cases:
            with self.subTest(what):
                shutil.rmtree(self.target)
                shutil.copytree(whole, self.target)
                break_it()
                self.assertRegex(self.drill(code=code, **more), words)


@unittest.skipUnless(os.environ.get("PREVIOUS_PYTHON"), "PREVIOUS_PYTHON is not the python of an environment with an older MLflow")
class PreviousVersion(BackupTestCase):
    watchdog_seconds = 900

    def test_a_backup_that_the_previous_mlflow_made_is_restored_and_upgraded(self):
        name = postgres().create("previous")
        previous = os.environ["PREVIOUS_PYTHON"]
        login = {**os.environ, **postgres().environment(name), "PGUSER": "mlflow", "PGPASSWORD": PASSWORD}
        subprocess.run([previous, "-c", NEW_SCHEMA], env=login, check=True)
        postgres().sql(name, ROWS)
        self.file("1/run1/model.pkl", "model")
        self.interpreter = previous
        self.back_up(name)
        [manifest] = [json.loads(file.read_text()) for file in self.target.glob("backups/*/manifest.json")]
        self.interpreter = sys.executable
        empty = self.folder / "empty"
        empty.mkdir()
        said = self.restore(database("previous_target"), store=empty)
        print(said)
        self.assertNotEqual(manifest["mlflow"], importlib.metadata.version("mlflow"))
        self.assertIn(f"upgrading the schema, {manifest['databases'][0]['revision']} ->", said)
        self.assertEqual(postgres().sql("previous_target", PARAMS), postgres().sql(name, PARAMS))
        self.assertEqual((empty / "artifacts" / "1" / "run1" / "model.pkl").read_text(), "model")


class Unusable(BackupTestCase):
    """Targets that are away or full."""

    watchdog_seconds = 300

    def setUp(self):
        super().setUp()
        self.file("a", "content")

    def bucket(self, port):
        endpoint = f"http://127.0.0.1:{port}"
        return {"TARGET_REMOTE": "bucket:backups/mlflow", "TARGET_ENDPOINT": endpoint, "TARGET_REGION": "us-east-1"}

    def test_a_target_that_is_away_is_reported(self):
        said = self.back_up(used_database("target_away"), code=1, remote=self.bucket(free_port()))
        self.assertRegex(said, "The target of backups cannot be read: (.|\n)*connection refused")

    def test_a_full_target_fails_the_backup_and_keeps_the_one_before(self):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", self.target], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("needs to mount a file system")
        self.addCleanup(subprocess.run, ["umount", "-l", self.target], check=True)
        name = used_database("target_full")
        self.back_up(name)
        [stamp] = self.stamps()
        self.file("large", "x" * 4 * 1024 * 1024)
        said = self.back_up(name, code=1)
        self.assertRegex(said, "Files could not be copied to the target: (.|\\n)*(no space left on device|too big for remaining disk space)")
        self.assertEqual([each.parent.name for each in self.target.glob("backups/*/manifest.json")], [stamp])
        self.assertIn("is proven", self.drill())


class Retention(BackupTestCase):
    def test_keeps_the_newest_of_days_weeks_and_months(self):
        day = datetime.date(2026, 11, 29)
        stamps = [f"{day - datetime.timedelta(days):%Y%m%d}T020000Z" for days in range(400)]
        stamps += ["20261129T010000Z"]
        kept = retention.kept(stamps, 7, 4, 12)
        self.assertEqual(sorted(kept, reverse=True)[:9], [
            *(f"202611{29 - days}T020000Z" for days in range(7)), "20261122T020000Z", "20261115T020000Z",
        ][:9])
        self.assertIn("20251231T020000Z", kept)
        self.assertNotIn("20251130T020000Z", kept)
        self.assertEqual(len(kept), 7 + 3 + 11)

    def test_never_removes_the_newest(self):
        self.assertEqual(retention.kept(["20260101T000000Z", "20250101T000000Z"], 0, 0, 0), {"20260101T000000Z"})

    def test_removes_old_backups_and_the_files_that_only_they_had(self):
        name = used_database("old_backups")
        changed = self.file("changed", "one")
        self.file("same")
        self.back_up(name)
        [first] = self.stamps()
        self.age(first, "20250101T000000Z")
        changed.write_text("two!")
        said = self.back_up(name, DAILY="1", WEEKLY="0", MONTHLY="0")
        self.assertIn("Removed 1 old backups (20250101T000000Z) and 1 files that only they had.", said)
        [second] = self.stamps()
        self.assertEqual(self.stored(), ["20250101T000000Z/artifacts/same", f"{second}/artifacts/changed"])
        self.assertIn("is proven", self.drill())

    def test_removes_what_failed_backups_left(self):
        name = used_database("left_over")
        self.back_up(name)
        for stamp in ("20250101T000000Z", "29990101T000000Z"):
            (self.target / "backups" / stamp).mkdir()
            (self.target / "backups" / stamp / "tracking.dump").write_text("dump")
        self.back_up(name, KEEP_ALL="yes")
        self.assertIn("20250101T000000Z", self.stamps())
        self.assertIn("Removed what 1 backups left that failed (20250101T000000Z).", self.back_up(name))
        self.assertNotIn("20250101T000000Z", self.stamps())
        self.assertIn("29990101T000000Z", self.stamps())

    def test_keeps_all_backups_if_configured(self):
        name = used_database("keep_all")
        self.back_up(name)
        self.age(self.stamps()[0], "20200101T000000Z")
        self.back_up(name, KEEP_ALL="yes", DAILY="1", WEEKLY="0", MONTHLY="0")
        self.assertEqual(len(self.stamps()), 2)

    def age(self, stamp, old):
        """Renames the backup, so that it has that time."""
        for folder in ("backups", "artifacts"):
            if (self.target / folder / stamp).exists():
                (self.target / folder / stamp).rename(self.target / folder / old)
        folder = self.target / "backups" / old
        listing = folder / "artifacts.jsonl.gz"
        text = gzip.decompress(listing.read_bytes()).decode().replace(stamp, old)
        listing.write_bytes(gzip.compress(text.encode()))
        manifest = json.loads((folder / "manifest.json").read_text().replace(stamp, old))
        import backups

        manifest["artifacts"] |= {"file_bytes": listing.stat().st_size, "file_sha256": backups.sha256_of(listing)}
        (folder / "manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    unittest.main()
