import json
import unittest

from migrations import MigrationTestCase
from support import PASSWORD, postgres

ADMIN = {"MLFLOW_AUTH_ADMIN_USERNAME": "root", "MLFLOW_AUTH_ADMIN_PASSWORD": "a long password"}


class ServiceUsers(MigrationTestCase):
    def setUp(self):
        super().setUp()
        self.users = self.folder / "users"
        (self.users / "..data").mkdir(parents=True)
        self.plan = self.folder / "service-users.json"
        self.auth = postgres().create(f"{self.id().split('.')[-1]}_auth"[-60:])
        name = postgres().create(self.auth.removesuffix("_auth"))
        ini = self.folder / "basic_auth.ini"
        ini.write_text(f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{self.auth}\n")
        self.login = self.environment(
            name, AUTH_DATABASE=self.auth, SERVICE_USERS_DIRECTORY=str(self.users),
            SERVICE_USERS_FILE=str(self.plan), MLFLOW_AUTH_CONFIG_PATH=str(ini),
        )

    def migrate(self, **more):
        return self.end_of(self.start_migration({**self.login, **more}), 0)

    def make_users(self, plan, code=0, **more):
        self.plan.write_text(json.dumps(plan))
        return self.run_to_end("service_users.py", environment={**self.login, **more}, code=code)

    def password(self, user, password):
        (self.users / user).write_text(password)

    def stored(self):
        return postgres().sql(self.auth, "SELECT username, is_admin, password_hash FROM users ORDER BY username")

    def test_creates_the_service_users(self):
        self.migrate()
        self.password("program.deployer", f"{PASSWORD}\n")
        self.assertIn("Created the user deployer.", self.make_users({"program.deployer": []}))
        first = self.stored()
        self.assertNotIn("user deployer", self.make_users({"program.deployer": []}))
        self.assertEqual(self.stored(), first)
        self.password("program.deployer", "another password")
        self.assertIn("Updated the password of the user deployer.", self.make_users({"program.deployer": []}))
        self.assertNotEqual(self.stored(), first)

    def test_a_service_user_may_edit_its_own_models_only(self):
        self.migrate()
        self.password("serving.churn", PASSWORD)
        plan = {"serving.churn": ["churn", "not registered yet"]}
        may_change = "The user churn may change the registered model churn."
        self.assertIn(may_change, self.make_users(plan))
        granted = "SELECT resource_type, resource_pattern, permission FROM role_permissions ORDER BY 2"
        expected = [("registered_model", name, "EDIT") for name in ("churn", "not registered yet")]
        self.assertEqual(postgres().sql(self.auth, granted), expected)
        # The change of an administrator is kept.
        postgres().sql(self.auth, "UPDATE role_permissions SET permission = 'MANAGE' WHERE resource_pattern = 'churn'")
        self.assertNotIn(may_change, self.make_users(plan))
        self.assertEqual(postgres().sql(self.auth, granted)[0][2], "MANAGE")

    def test_a_service_user_cannot_replace_the_administrator(self):
        self.migrate(**ADMIN)
        self.password("program.root", PASSWORD)
        self.assertIn("has the name of an admin, root", self.make_users({"program.root": []}, code=3))
        self.assertEqual([row[:2] for row in self.stored()], [("root", True)])

    def test_changes_no_schema_and_waits_for_the_migration(self):
        self.password("program.deployer", PASSWORD)
        output = self.make_users({"program.deployer": []}, code=1, USERS_WAIT_SECONDS="1")
        self.assertIn("waiting for the migration", output)
        self.assertEqual(postgres().sql(self.auth, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), [(0,)])

    def test_waits_for_the_plan_of_its_own_job(self):
        self.migrate()
        revision = self.folder / "revision"
        self.password("program.late", PASSWORD)
        for old in (None, "old"):
            if old:
                revision.write_text(old)
            # Not 3, after which the Job is not retried.
            said = self.make_users({}, code=1, MOUNTED_REVISION="mine", MOUNT_WAIT_SECONDS="0.1")
            self.assertIn("The mounted plan of the users is not that of this Job.", said)
        job = self.start("service_users.py", environment={**self.login, "MOUNTED_REVISION": "mine"})
        self.read_until(job, "waiting for the kubelet")
        self.plan.write_text(json.dumps({"program.late": []}))
        revision.write_text("mine")
        self.read_until(job, "Created the user late.")

    def test_waits_for_the_missing_password_of_a_user(self):
        self.migrate()
        self.plan.write_text(json.dumps({"program.late": []}))
        job = self.start("service_users.py", environment=self.login)
        self.read_until(job, "lacks program.late: waiting for the credentials Job")
        self.password("program.late", PASSWORD)
        self.read_until(job, "Created the user late.")


if __name__ == "__main__":
    unittest.main()
