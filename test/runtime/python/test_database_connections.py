"""Existing databases: a certificate authority, a client certificate and several hosts, set by libpq's own variables."""

import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

from migrations import Dumps, MigrationTestCase
from support import PASSWORD, PROGRAMS, Postgres, Standby, until

sys.path.insert(0, str(PROGRAMS))
import schema  # noqa: E402


def certificate(folder, name, *more):
    """Writes <name>.key and <name>.crt, self-signed unless `more` names a signer."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"]
    subprocess.run([*command, *files, *more], check=True, capture_output=True)


class ConnectionTestCase(MigrationTestCase):
    """Each test has its own PostgreSQL."""

    def setUp(self):
        super().setUp()
        self.postgres = Postgres()
        self.addCleanup(lambda: self.postgres.stop())
        self.database = self.postgres.create("tracking-1")

    def settings(self, **more):
        return self.environment(self.database, **self.postgres.environment(self.database, **more))

    def connect(self, settings):
        variables = {**settings, "MLFLOW_SECRETS_DIRECTORY": "/none", "PGUSER": "mlflow", "PGPASSWORD": PASSWORD}
        with mock.patch.dict(os.environ, variables):
            return schema.connect(self.database)

    def refusal(self, settings):
        with self.assertRaises(schema.psycopg2.Error) as raised:
            self.connect(settings).close()
        return schema.in_words(raised.exception)

    def dump(self, settings):
        """Returns the dump, or the reason for its failure."""
        Dumps(self, settings)
        request, dump, failed = (self.work / f"{self.database}.{end}" for end in ("request", "dump", "failed"))
        request.touch()
        until(lambda: dump.exists() or failed.exists(), "an answer")
        return dump.read_bytes()[:5] if dump.exists() else failed.read_text()


class ClientCertificate(ConnectionTestCase):
    def setUp(self):
        super().setUp()
        self.files = Path(self.postgres.folder)
        certificate(self.files, "authority")
        by_authority = ["-CA", self.files / "authority.crt", "-CAkey", self.files / "authority.key"]
        certificate(self.files, "db.example.com", *by_authority)
        certificate(self.files, "mlflow", *by_authority)
        # As Kubernetes mounts a Secret: root owns the files, and the pod's group can read them.
        (self.files / "mlflow.key").chmod(0o440 if os.getuid() == 0 else 0o400)
        if self.postgres.user:
            shutil.chown(self.files / "db.example.com.key", self.postgres.user["user"])
        (self.files / "data" / "pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\n"
            "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n"
        )
        for name, value in {
            "ssl_cert_file": self.files / "db.example.com.crt",
            "ssl_key_file": self.files / "db.example.com.key",
            "ssl_ca_file": self.files / "authority.crt",
            "ssl": "on",
        }.items():
            self.postgres.sql("postgres", f"ALTER SYSTEM SET {name} = '{value}'")
        self.postgres.sql("postgres", "SELECT pg_reload_conf()")
        self.authority = {"PGSSLROOTCERT": str(self.files / "authority.crt")}
        self.own = {"PGSSLCERT": str(self.files / "mlflow.crt"), "PGSSLKEY": str(self.files / "mlflow.key")}

        def is_on():
            return self.postgres.sql("postgres", "SHOW ssl") == [("on",)]

        until(is_on, "TLS")

    def test_a_client_with_a_certificate_is_accepted(self):
        settings = self.settings(PGSSLMODE="verify-ca", **self.authority, **self.own)
        connection = self.connect(settings)
        with connection.cursor() as cursor:
            cursor.execute("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            self.assertEqual(cursor.fetchone(), ("/CN=mlflow",))
        connection.close()
        self.assertEqual(self.dump(settings), b"PGDMP")

    def test_a_client_without_a_certificate_is_refused_with_a_message(self):
        words = self.refusal(self.settings(PGSSLMODE="verify-ca", **self.authority))
        self.assertRegex(words, r"^login refused \(.*certificate")

    def test_verify_full_refuses_a_server_of_another_name_and_verify_ca_does_not(self):
        words = self.refusal(self.settings(PGSSLMODE="verify-full", **self.authority, **self.own))
        self.assertIn('server certificate for "db.example.com"', words)

    def test_a_server_of_another_authority_is_refused(self):
        certificate(self.files, "stranger")
        another = {"PGSSLROOTCERT": str(self.files / "stranger.crt")}
        settings = self.settings(PGSSLMODE="verify-ca", **another, **self.own)
        self.assertIn("certificate verify failed", self.refusal(settings))
        self.assertIn("certificate verify failed", self.dump(settings))


class SeveralHosts(ConnectionTestCase):
    def setUp(self):
        super().setUp()
        standby = Standby(self.postgres)
        self.standby = standby.data
        self.addCleanup(standby.stop)
        self.hosts = self.settings(PGHOST="127.0.0.2,127.0.0.1", PGTARGETSESSIONATTRS="read-write")

    def stop(self, data):
        self.postgres._run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")

    def reached(self):
        connection = self.connect(self.hosts)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT host(inet_server_addr()), pg_is_in_recovery()")
            return cursor.fetchone()

    def test_the_host_that_accepts_writes_is_used_before_and_after_a_failover(self):
        self.assertEqual(self.reached(), ("127.0.0.1", False))
        self.assertEqual(self.dump(self.hosts), b"PGDMP")

        self.stop(f"{self.postgres.folder}/data")
        self.postgres._run("pg_ctl", "-D", self.standby, "-w", "promote")
        self.assertEqual(self.reached(), ("127.0.0.2", False))
        self.postgres._run("pg_ctl", "-D", f"{self.postgres.folder}/data", "-w", "-o", self.options(), "start")

    def test_a_single_standby_is_refused(self):
        self.hosts["PGHOST"] = "127.0.0.2"
        self.assertIn("read-only", self.refusal(self.hosts))

    def options(self):
        return f"-p {self.postgres.port} -k {self.postgres.folder} -h 127.0.0.1 -c fsync=off"


if __name__ == "__main__":
    unittest.main()
