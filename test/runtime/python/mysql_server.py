"""A real MariaDB for the tests."""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pymysql

from support import PASSWORD, _exists, free_port, until

USER = "mlflow"


class MariaDB:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
        self.folder.chmod(0o755)
        self.port, data, self.socket = free_port(), self.folder / "data", self.folder / "socket"
        self.certificates()
        user = "nobody" if os.getuid() == 0 and _exists("nobody") else None
        # Its requests to the kernel at once are limited, and a machine with other databases can have used all of them.
        options = ["--innodb-use-native-aio=0", *([f"--user={user}"] if user else [])]
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        assert done.returncode == 0, done.stdout
        if user:
            for path in [self.folder, *self.folder.rglob("*")]:
                shutil.chown(path, user)
        self.process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1",
             f"--socket={self.socket}", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
             f"--ssl-ca={self.ca}", f"--ssl-cert={self.folder}/server.crt", f"--ssl-key={self.folder}/server.key",
             *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until(self.answers, "MariaDB answers")
        self.sql(f"CREATE USER {USER}@'%%' IDENTIFIED BY %s", PASSWORD)

    @property
    def ca(self):
        return self.folder / "ca.crt"

    def certificates(self):
        """An authority, a certificate of the server for 127.0.0.1, and one of a client."""
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, cwd=self.folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "2")
        for name, subject in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "subjectAltName=DNS:client")):
            openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            (self.folder / "ext").write_text(subject)
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                    "-out", f"{name}.crt", "-days", "2", "-extfile", "ext")

    def answers(self):
        try:
            return self.socket.exists() and self.sql("SELECT 1")
        except pymysql.err.OperationalError:
            return None

    def connect(self, database=None, **more):
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True, **more)

    def sql(self, statement, *parameters, database=None):
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall()
        finally:
            connection.close()

    def create(self, database):
        self.sql(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
        self.sql(f"GRANT ALL ON `{database}`.* TO {USER}@'%'".replace("%", "%%"))
        return database

    def environment(self, database, **more):
        return {
            "DATABASE_MODULE": "mysql_database", "DATABASE_NAME": database, "MIGRATION_MODULE": "mysql_migration",
            "MYSQL_HOST": "127.0.0.1", "MYSQL_TCP_PORT": str(self.port), "MYSQL_SSL_MODE": "VERIFY_IDENTITY",
            "MYSQL_SSL_CA": str(self.ca), **more,
        }

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


_mariadb = None


def mariadb():
    """Returns one server for all tests. It stops when they end."""
    global _mariadb
    if _mariadb is None:
        _mariadb = MariaDB()
        atexit.register(_mariadb.stop)
    return _mariadb
