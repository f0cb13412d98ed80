import unittest

from migrations import MigrationTestCase
from support import free_port, postgres

ADMIN = {"MLFLOW_AUTH_ADMIN_USERNAME": "root", "MLFLOW_AUTH_ADMIN_PASSWORD": "a long password"}


class MigrateUsers(MigrationTestCase):
    def setUp(self):
        super().setUp()
        self.auth = postgres().create(f"{self.id().split('.')[-1]}_auth"[-60:])
        name = postgres().create(self.auth.removesuffix("_auth"))
        ini = self.folder / "basic_auth.ini"
        ini.write_text(f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{self.auth}\n")
        self.login = self.environment(
            name, AUTH_DATABASE=self.auth, MLFLOW_AUTH_CONFIG_PATH=str(ini)
        )

    def run_migration(self, code=0, **more):
        return self.end_of(self.start_migration({**self.login, **more}), code)

    def stored(self):
        return postgres().sql(self.auth, "SELECT username, is_admin, password_hash FROM users ORDER BY username")

    def test_creates_the_administrator_before_servers_start(self):
        self.assertIn("Created the admin root.", self.run_migration(**ADMIN))
        first = self.stored()
        self.assertEqual([row[:2] for row in first], [("root", True)])

        environment = {**self.login, **ADMIN, "MLFLOW_FLASK_SERVER_SECRET_KEY": "key"}
        environment["MLFLOW_AUTH_ADMIN_PASSWORD"] = "changed in the Secret alone"
        servers = [self.serve(environment) for _ in range(3)]
        for server in servers:
            self.read_until(server, "Uvicorn running on")
            server.terminate()
        self.assertNotIn("the admin", self.run_migration(**environment))
        self.assertEqual(self.stored(), first)

    def serve(self, environment):
        return self.start(
            "serve.py", "--backend-store-uri", "postgresql+psycopg2://", "--workers", "1", "--port", str(free_port()),
            "--artifacts-destination", str(self.folder / "artifacts"), "--app-name", "basic-auth",
            environment=environment,
        )

    def test_reports_an_administrator_password_that_mlflow_refuses(self):
        output = self.run_migration(code=1, **{**ADMIN, "MLFLOW_AUTH_ADMIN_PASSWORD": "short"})
        self.assertIn("The user of the admin could not be written", output)
        self.assertEqual(self.stored(), [])


if __name__ == "__main__":
    unittest.main()
