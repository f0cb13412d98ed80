import contextlib
import io
import os
import sys
import tempfile
import unittest
from unittest import mock

from support import PROGRAMS

sys.path.insert(0, str(PROGRAMS))
import artifact_locations  # noqa: E402
import required  # noqa: E402

PROXIED = [
    "mlflow-artifacts:/", "mlflow-artifacts:", "mlflow-artifacts:/team-a", "mlflow-artifacts:/team-a/x_1.2/", "mlflow-artifacts:/.hidden/a..b",
    "mlflow-artifacts:/\u00e9",
]
ELSEWHERE = [
    "file:///run/mlflow-metrics", "file:/x", "/run/mlflow-metrics", "relative", ".", "s3://other-bucket/x", "S3://other", "s3:mlflow/backups",
    "gs://x", "http://169.254.169.254/x", "dbfs:/x", "models:/m/1", "runs:/x", "mlflow-artifacts://other-host/x",
    "mlflow-artifacts:///x", "mlflow-artifacts:x", "MLFLOW-ARTIFACTS:/x", "mlflow-artifacts:/../backups",
    "mlflow-artifacts:/a/../../backups", "mlflow-artifacts:/.", "mlflow-artifacts:/a/..", "mlflow-artifacts:/./b",
    "mlflow-artifacts:/%2e%2e/backups", "mlflow-artifacts:/%252e%252e/x", "mlflow-artifacts:/a\\..\\b",
    "mlflow-artifacts:/.\t./x", "mlflow-artifacts:/a//b", "mlflow-artifacts:/a?b=c", "mlflow-artifacts:/a#b",
    " mlflow-artifacts:/a", "mlflow-artifacts:/a\n", "mlflow-artifacts:/a b", "\tfile:///x", "mlflow-artifacts:/\x00",
]


class Locations(unittest.TestCase):
    def test_only_folders_of_the_proxied_store_are_proxied(self):
        for location in PROXIED:
            self.assertTrue(artifact_locations.is_proxied(location), location)
        for location in ELSEWHERE:
            self.assertFalse(artifact_locations.is_proxied(location), location)

    def test_a_method_that_another_mlflow_has_changed_is_not_left_unguarded(self):
        def create_experiment(self, name, location=None):
            pass

        with self.assertRaises(required.Missing) as refused, contextlib.redirect_stderr(io.StringIO()):
            artifact_locations.guarded(create_experiment, "artifact_location", str)
        self.assertIn("has no parameter 'artifact_location' in ", str(refused.exception))


class Store(unittest.TestCase):
    """MLflow's own store, as the routes use it."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        from mlflow.store.tracking import sqlalchemy_store
        from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore as Workspaces

        plain = sqlalchemy_store.SqlAlchemyStore
        names = ("create_experiment", "set_trace_tag", "start_trace", "deprecated_start_trace_v2", "deprecated_end_trace_v2")
        # Restores MLflow for other tests of this process.
        for holder, some in (
            (plain, names), (sqlalchemy_store, ("_validate_trace_tag",)), (Workspaces, ("create_workspace", "update_workspace")),
        ):
            for name in some:
                cls.enterClassContext(mock.patch.object(holder, name, getattr(holder, name)))
        cls.store = plain(f"sqlite:///{folder}/mlflow.db", "mlflow-artifacts:/")
        cls.workspaces = Workspaces
        with mock.patch.dict(os.environ, {"_MLFLOW_SERVER_SERVE_ARTIFACTS": "false"}):
            artifact_locations.restrict()
        assert not hasattr(plain.create_experiment, "checks_locations"), "direct access is not restricted"
        with mock.patch.dict(os.environ, {"_MLFLOW_SERVER_SERVE_ARTIFACTS": "true"}):
            artifact_locations.restrict()
            artifact_locations.restrict()

    def assert_refused(self, words, function, *arguments, **named):
        from mlflow.exceptions import MlflowException

        with self.assertRaisesRegex(MlflowException, words) as refused:
            function(*arguments, **named)
        self.assertEqual(refused.exception.get_http_status_code(), 400)

    def test_an_experiment_is_in_the_proxied_store(self):
        for n, location in enumerate([None, "", *PROXIED]):
            made = self.store.create_experiment(f"proxied {n}", location, [])
            found = self.store.get_experiment(made).artifact_location
            self.assertEqual(found, location or f"mlflow-artifacts:/{made}")
        for location in ELSEWHERE:
            self.assert_refused("artifact_location is .*; expected none, or", self.store.create_experiment, "x", location, [])
            self.assert_refused("artifact_location is", self.store.create_experiment, name="x", artifact_location=location)
        self.assertIsNone(self.store.get_experiment_by_name("x"))

    def test_a_trace_is_where_mlflow_put_it(self):
        from mlflow.entities import TraceInfo, TraceLocation, TraceState

        tags = {"mlflow.artifactLocation": "file:///etc", "mlflow.trace.archiveLocation": "s3://other", "mine": "kept"}
        trace = TraceInfo("tr-1", TraceLocation.from_experiment_id("0"), 1, TraceState.OK, tags=tags)
        self.store.start_trace(trace)
        own = "mlflow-artifacts:/0/traces/tr-1/artifacts"
        old = self.store.deprecated_start_trace_v2("0", 1, {}, tags)
        self.store.deprecated_end_trace_v2(old.request_id, 2, old.status, {}, tags)
        for trace_id in ("tr-1", old.request_id):
            found = self.store.get_trace_info(trace_id).tags
            self.assertEqual(found["mlflow.artifactLocation"], own.replace("tr-1", trace_id))
            self.assertEqual(found["mine"], "kept")
            self.assertNotIn("mlflow.trace.archiveLocation", found)
        for key in ("mlflow.artifactLocation", "mlflow.trace.archiveLocation"):
            self.assert_refused("is immutable", self.store.set_trace_tag, "tr-1", key, "file:///etc")
        self.store.set_trace_tag("tr-1", "mine", "changed")
        self.assertEqual(self.store.get_trace_info("tr-1").tags["mine"], "changed")

    def test_a_span_does_not_move_its_trace(self):
        from mlflow.entities.span import create_mlflow_span
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext

        attributes = {
            "mlflow.traceRequestId": '"tr-2"', "mlflow.traceTag.mlflow.artifactLocation": '"file:///etc"',
            "mlflow.traceTag.mine": '"kept"',
        }
        span = ReadableSpan(
            "root", SpanContext(2, 3, False), attributes=attributes, start_time=1, end_time=2,
            resource=Resource({"mlflow.artifactLocation": "file:///etc"}),
        )
        self.store.log_spans("0", [create_mlflow_span(span, "tr-2")])
        found = self.store.get_trace_info("tr-2").tags
        self.assertEqual(found["mlflow.artifactLocation"], "mlflow-artifacts:/0/traces/tr-2/artifacts")
        self.assertEqual(found["mine"], "kept")

    def test_a_workspace_is_in_the_proxied_store(self):
        from mlflow.entities import Workspace

        for method in (self.workspaces.create_workspace, self.workspaces.update_workspace):
            for name in ("default_artifact_root", "trace_archival_location"):
                workspace = Workspace("team", **{name: "s3://other"})
                self.assert_refused(f"{name} is", method, mock.Mock(), workspace)


if __name__ == "__main__":
    unittest.main()
