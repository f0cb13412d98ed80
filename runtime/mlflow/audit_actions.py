"""What each changing request of MLflow's REST API does, in words, for audit_log.py.

The paths are those below /api/2.0/mlflow/, /ajax-api/3.0/mlflow/ and so on. A route of a newer MLflow that is not here is logged by its
method and path; test_audit_log.py then fails until it is decided here."""

import re

# After the route: the action, and the kind of object.
ACTIONS = """
POST   experiments/create: create, experiment
POST   experiments/delete: delete, experiment
POST   experiments/restore: restore, experiment
POST   experiments/update: rename, experiment
POST   experiments/set-experiment-tag: set tag, experiment
POST   experiments/delete-experiment-tag: delete tag, experiment
POST   runs/delete: delete, run
POST   runs/restore: restore, run
POST   registered-models/create: create, registered model
POST   registered-models/rename: rename, registered model
PATCH  registered-models/update: update, registered model
DELETE registered-models/delete: delete, registered model
POST   registered-models/set-tag: set tag, registered model
DELETE registered-models/delete-tag: delete tag, registered model
POST   registered-models/alias: set alias, registered model
DELETE registered-models/alias: delete alias, registered model
POST   model-versions/create: create, model version
PATCH  model-versions/update: update, model version
DELETE model-versions/delete: delete, model version
POST   model-versions/set-tag: set tag, model version
DELETE model-versions/delete-tag: delete tag, model version
POST   model-versions/transition-stage: set stage, model version
DELETE logged-models/{model_id}: delete, logged model
DELETE logged-models/{model_id}/tags/{tag_key}: delete tag, logged model
POST   traces/delete-traces: delete, traces
DELETE datasets/{dataset_id}: delete, dataset
DELETE datasets/{dataset_id}/records: delete records, dataset
POST   datasets/{dataset_id}/remove-experiments: remove experiments, dataset
DELETE scorers/delete: delete, scorer
POST   scorers/register: register, scorer
PUT    scorers/online-config: configure, scorer
POST   label-schemas/create: create, label schema
PATCH  label-schemas/update: update, label schema
DELETE label-schemas/delete: delete, label schema
POST   review-queues/create: create, review queue
POST   review-queues/update: update, review queue
POST   review-queues/delete: delete, review queue
POST   issues: create, issue
PATCH  issues/{issue_id}: update, issue
POST   webhooks: create, webhook
PATCH  webhooks/{webhook_id}: update, webhook
DELETE webhooks/{webhook_id}: delete, webhook
POST   webhooks/{webhook_id}/test: test, webhook
POST   workspaces: create, workspace
PATCH  workspaces/{workspace_name}: update, workspace
DELETE workspaces/{workspace_name}: delete, workspace
POST   users/create: create, user
POST   users/create-ui: create, user
DELETE users/delete: delete, user
PATCH  users/update-admin: set administrator, user
PATCH  users/update-password: set password, user
POST   users/permissions/grant: grant permission, user
POST   users/permissions/revoke: revoke permission, user
POST   roles/create: create, role
PATCH  roles/update: update, role
DELETE roles/delete: delete, role
POST   roles/assign: assign, role
DELETE roles/unassign: unassign, role
POST   roles/permissions/add: add permission, role
PATCH  roles/permissions/update: update permission, role
DELETE roles/permissions/remove: remove permission, role
POST   gateway/secrets/create: create, gateway secret
POST   gateway/secrets/update: update, gateway secret
DELETE gateway/secrets/delete: delete, gateway secret
POST   gateway/endpoints/create: create, gateway endpoint
POST   gateway/endpoints/update: update, gateway endpoint
DELETE gateway/endpoints/delete: delete, gateway endpoint
POST   gateway/endpoints/set-tag: set tag, gateway endpoint
DELETE gateway/endpoints/delete-tag: delete tag, gateway endpoint
POST   gateway/endpoints/models/attach: attach model, gateway endpoint
POST   gateway/endpoints/models/detach: detach model, gateway endpoint
POST   gateway/endpoints/bindings/create: bind, gateway endpoint
DELETE gateway/endpoints/bindings/delete: unbind, gateway endpoint
POST   gateway/model-definitions/create: create, gateway model
POST   gateway/model-definitions/update: update, gateway model
DELETE gateway/model-definitions/delete: delete, gateway model
POST   gateway/budgets/create: create, gateway budget
POST   gateway/budgets/update: update, gateway budget
DELETE gateway/budgets/delete: delete, gateway budget
POST   gateway/guardrails/create: create, gateway guardrail
DELETE gateway/guardrails/delete: delete, gateway guardrail
PATCH  gateway/guardrails/update-config: configure, gateway guardrail
POST   gateway/guardrails/add-to-endpoint: add to endpoint, gateway guardrail
DELETE gateway/guardrails/remove-from-endpoint: remove from endpoint, gateway guardrail
POST   mcp-servers: create, MCP server
PATCH  mcp-servers/{name:path}: update, MCP server
DELETE mcp-servers/{name:path}: delete, MCP server
POST   mcp-servers/{name:path}/aliases: set alias, MCP server
DELETE mcp-servers/{name:path}/aliases/{alias:path}: delete alias, MCP server
POST   mcp-servers/{name:path}/endpoints: create endpoint, MCP server
PATCH  mcp-servers/{name:path}/endpoints/{endpoint_id}: update endpoint, MCP server
DELETE mcp-servers/{name:path}/endpoints/{endpoint_id}: delete endpoint, MCP server
POST   mcp-servers/{name:path}/tags: set tag, MCP server
DELETE mcp-servers/{name:path}/tags/{key:path}: delete tag, MCP server
POST   mcp-servers/{name:path}/versions: create version, MCP server
PATCH  mcp-servers/{name:path}/versions/{version:path}: update version, MCP server
DELETE mcp-servers/{name:path}/versions/{version:path}: delete version, MCP server
POST   mcp-servers/{name:path}/versions/{version:path}/tags: set tag, MCP server
DELETE mcp-servers/{name:path}/versions/{version:path}/tags/{key:path}: delete tag, MCP server
POST   skills: create, skill
POST   skills/bulk-register: register, skills
PATCH  skills/{name}: update, skill
DELETE skills/{name}: delete, skill
POST   skills/{name}/aliases: set alias, skill
DELETE skills/{name}/aliases/{alias}: delete alias, skill
POST   skills/{name}/tags: set tag, skill
DELETE skills/{name}/tags/{key:path}: delete tag, skill
POST   skills/{name}/versions: create version, skill
PATCH  skills/{name}/versions/{version}: update version, skill
DELETE skills/{name}/versions/{version}: delete version, skill
POST   skills/{name}/versions/{version}/tags: set tag, skill
DELETE skills/{name}/versions/{version}/tags/{key:path}: delete tag, skill
PATCH  skills/@{organization}/{name}: update, skill
DELETE skills/@{organization}/{name}: delete, skill
POST   skills/@{organization}/{name}/aliases: set alias, skill
DELETE skills/@{organization}/{name}/aliases/{alias}: delete alias, skill
POST   skills/@{organization}/{name}/tags: set tag, skill
DELETE skills/@{organization}/{name}/tags/{key:path}: delete tag, skill
POST   skills/@{organization}/{name}/versions: create version, skill
PATCH  skills/@{organization}/{name}/versions/{version}: update version, skill
DELETE skills/@{organization}/{name}/versions/{version}: delete version, skill
POST   skills/@{organization}/{name}/versions/{version}/tags: set tag, skill
DELETE skills/@{organization}/{name}/versions/{version}/tags/{key:path}: delete tag, skill
PATCH  jobs/cancel/{job_id}: cancel, job
POST   prompt-optimization/jobs: create, job
DELETE prompt-optimization/jobs/{job_id}: delete, job
POST   prompt-optimization/jobs/{job_id}/cancel: cancel, job
POST   demo/generate: create, demo
POST   demo/delete: delete, demo
"""

# Reads that are sent as POST, what a training, a trace or a review writes by itself, and calls of a model. The access log has them.
NOT_LOGGED = """
POST   artifacts/presigned-download-url
POST   artifacts/presigned-upload-url
POST   datasets/create
POST   datasets/search
POST   datasets/{dataset_id}/add-experiments
POST   datasets/{dataset_id}/records
PATCH  datasets/{dataset_id}/tags
DELETE datasets/{dataset_id}/tags/{key}
POST   experiments/search
POST   experiments/search-datasets
POST   gateway-proxy
POST   genai/evaluate/invoke
POST   issues/invoke
POST   issues/schedule/state
POST   issues/search
POST   jobs/
POST   jobs/search
POST   logged-models
POST   logged-models/search
PATCH  logged-models/{model_id}
POST   logged-models/{model_id}/params
PATCH  logged-models/{model_id}/tags
POST   prompt-optimization/jobs/search
POST   registered-models/get-latest-versions
POST   review-queues/get-or-create-user
POST   review-queues/items/add
POST   review-queues/items/remove
POST   review-queues/items/set-status
POST   runs/create
POST   runs/create-promptlab-run
POST   runs/delete-tag
POST   runs/log-batch
POST   runs/log-inputs
POST   runs/log-metric
POST   runs/log-model
POST   runs/log-parameter
POST   runs/outputs
POST   runs/search
POST   runs/set-tag
POST   runs/update
POST   scorer/invoke
POST   traces
POST   traces/batchGetInfos
POST   traces/calculate-filter-correlation
POST   traces/link-prompts
POST   traces/link-to-run
POST   traces/metrics
POST   traces/search
PATCH  traces/{request_id}
DELETE traces/{trace_id}/tags
PATCH  traces/{trace_id}/tags
POST   traces/{trace_id}/assessments
DELETE traces/{trace_id}/assessments/{assessment_id}
PATCH  traces/{trace_id}/assessments/{assessment_id}
POST   ui-telemetry
POST   upload-artifact
"""

# Fields of a request, of its path and of an answer that name an object. No other value is logged: not that of a tag, of a secret
# or of a description, and no URL.
NAMES = frozenset(
    """
    name new_name version alias stage key tag_key experiment_id experiment_ids experiment_name run_id run_uuid run_name model_id
    request_id request_ids trace_id dataset_id dataset_record_ids scorer_name scorer_id schema_id queue_id issue_id job_id
    webhook_id workspace workspace_name username is_admin permission role role_id role_name resource_type resource_id
    resource_pattern secret_name secret_id model_definition_id endpoint_id budget_policy_id guardrail_id organization
    """.split()
)

API = re.compile(r"/(?:ajax-)?api/\d\.\d/(?:mlflow/)?(.*)", re.DOTALL)
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


def pattern(path):
    """A regular expression for a path with {parameters}. A `:path` may hold slashes."""
    parts, at = [], 0
    for found in PARAMETER.finditer(path):
        parts += [re.escape(path[at : found.start()]), f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"]
        at = found.end()
    return re.compile("".join(parts) + re.escape(path[at:]))


def parsed(table, with_action):
    """The routes by method, those without parameters first, and the longer ones before the shorter."""
    routes = {}
    for line in table.strip().splitlines():
        route, _, words = line.partition(": ")
        method, path = route.split()
        action = tuple(words.split(", ")) if with_action else None
        routes.setdefault(method, []).append((path, pattern(path), action))
    for of_method in routes.values():
        of_method.sort(key=lambda each: ("{" in each[0], -each[0].count("/")))
    return routes


LOGGED, PASSED = parsed(ACTIONS, True), parsed(NOT_LOGGED, False)


def action_of(method, path):
    """(action, kind, names in the path) of a request, or None if it is not one to log."""
    found = API.fullmatch(path) if method in CHANGING else None
    if found is None:
        return None
    for routes in (LOGGED, PASSED):
        for _, expression, action in routes.get(method, []):
            if match := expression.fullmatch(found[1]):
                return action and (*action, match.groupdict())
    return None if found[1].startswith(("mlflow-artifacts/", "assistant/")) else (f"{method} {found[1][:200]}", "unknown", {})
