import os
import sys
import unittest
from unittest import mock

from prometheus_client.parser import text_string_to_metric_families
from support import PROGRAMS

sys.path.insert(0, str(PROGRAMS))
import artifact_sizes  # noqa: E402
import push_figures  # noqa: E402

FILES = {
    "artifacts/1/run/artifacts/model.pkl": 100,
    "artifacts/workspaces/fraud/2/run/artifacts/model.pkl": 10,
    "artifacts/workspaces/fraud/2/run/artifacts/data.csv": 5,
    "artifacts/workspaces/older/3/run/artifacts/model.pkl": 1,
    # Neither is a folder of a workspace.
    "artifacts/workspaces/file": 2,
    "workspaces/fraud/2/file": 4,
}


def sizes(workspaces=None):
    variables = {} if workspaces is None else {"WORKSPACES": workspaces}
    with mock.patch.dict(os.environ, variables):
        return artifact_sizes.by_workspace({path: {"bytes": bytes} for path, bytes in FILES.items()})


class ByWorkspace(unittest.TestCase):
    def test_each_file_counts_for_the_workspace_of_its_folder(self):
        self.assertEqual(
            sizes("fraud pricing"), {"default": (106, 3), "fraud": (15, 2), "pricing": (0, 0), "(others)": (1, 1)}
        )

    def test_without_workspaces_all_files_are_of_the_default_one(self):
        self.assertEqual(sizes(), {"default": (122, 6)})

    def test_the_default_workspace_may_be_declared(self):
        self.assertEqual(sizes("default fraud")["default"], (106, 3))

    def test_prometheus_reads_the_figures(self):
        text = push_figures.text_of(artifact_sizes.figures(sizes("fraud")))
        found = {
            (sample.name, sample.labels["workspace"]): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples
        }
        self.assertEqual(found["mlflow_artifact_bytes", "fraud"], 15)
        self.assertEqual(found["mlflow_artifact_objects", "default"], 3)
        self.assertEqual(found["mlflow_artifact_objects", "(others)"], 1)


if __name__ == "__main__":
    unittest.main()
