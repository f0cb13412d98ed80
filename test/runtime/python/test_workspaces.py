"""The Job of the workspaces, with MLflow's own store and a real PostgreSQL."""

import json
import unittest

from support import PodTestCase, new_schema, postgres


class Workspaces(PodTestCase):
    def setUp(self):
        super().setUp()
        self.database = postgres().create(f"workspaces_{self._testMethodName[-40:]}", new_schema())
        self.plan = self.folder / "workspaces.json"

    def settle(self, *plan, code=0, **more):
        self.plan.write_text(json.dumps(plan))
        environment = postgres().environment(self.database, WORKSPACES_FILE=str(self.plan), **more)
        return self.run_to_end("workspaces.py", environment=environment, code=code)

    def stored(self):
        return postgres().sql(self.database, "SELECT name, description FROM workspaces WHERE name <> 'default' ORDER BY 1")

    def test_creates_each_once_updates_descriptions_and_deletes_none(self):
        said = self.settle({"name": "fraud", "description": "Team fraud"}, {"name": "pricing"})
        self.assertIn("Created the workspace fraud.", said)
        self.assertEqual(self.stored(), [("fraud", "Team fraud"), ("pricing", None)])
        self.assertNotIn("Created", self.settle({"name": "fraud", "description": "Team fraud"}, {"name": "pricing"}))
        self.assertIn("Updated the description of the workspace fraud.", self.settle({"name": "fraud", "description": "Of fraud"}))
        self.assertEqual(self.stored(), [("fraud", "Of fraud"), ("pricing", None)])
        self.settle({"name": "default", "description": "All"})
        self.assertEqual(len(self.stored()), 2)


if __name__ == "__main__":
    unittest.main()
