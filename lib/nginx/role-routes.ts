import { ServiceUserRole } from './service-user-role';

/** The roles that may not do everything. */
export type RestrictedRole = Exclude<ServiceUserRole, ServiceUserRole.ADMIN>;

const V2 = '/api/2\\.0/mlflow';
const V3 = '/api/3\\.0/mlflow';
const FILES = '/api/2\\.0/mlflow-artifacts';
/** Ids of MLflow have a digit. A word of a route has none, so a new route is no id. */
const ID = '[-\\w]*\\d[-\\w]*';
/** Never with '%': MLflow would decode the name once more. */
const FILE = '[^%]+';

/** Both write onto model versions what came of them. nginx does not read the body, which names model, version and tag. */
const VERSION_TAGS = [`POST:${V2}/model-versions/set-tag`, `DELETE:${V2}/model-versions/delete-tag`];

const READS = [
  `(GET|POST):${V2}/experiments/search`,
  `GET:${V2}/experiments/(get|get-by-name)`,
  `GET:${V2}/runs/get`,
  `POST:${V2}/runs/search`,
  `GET:${V2}/metrics/(get-history|get-history-bulk-interval)`,
  `GET:${V2}/artifacts/list`,
  `POST:${V2}/artifacts/presigned-download-url`,
  `GET:${FILES}/(artifacts|artifacts/${FILE}|presigned/${FILE})`,
  `GET:${V2}/logged-models/(${ID}|${ID}/artifacts/directories)`,
  `POST:${V2}/logged-models/search`,
  `GET:${V2}/registered-models/(get|search|alias)`,
  `(GET|POST):${V2}/registered-models/get-latest-versions`,
  `GET:${V2}/model-versions/(get|get-download-uri|search)`,
  `GET:${V2}/(traces|traces/${ID}/info|unified-traces)`,
  `GET:${V3}/traces/(get|batchGet|${ID}|${ID}/assessments/${ID})`,
  `POST:${V3}/traces/(search|batchGetInfos|metrics|calculate-filter-correlation)`,
  `(GET|POST):${V3}/datasets/search`,
  `GET:${V3}/datasets/(${ID}|${ID}/experiment-ids|${ID}/records)`,
  `GET:${V3}/scorers/(get|list|versions)`,
  `GET:${V3}/label-schemas/(get|get-by-name|list)`,
  `GET:${V3}/issues/${ID}`,
  `POST:${V3}/issues/search`,
  `GET:${V3}/server-info`,
];

/** What training writes. It deletes nothing, and names no version that is served. */
const WRITES = [
  `POST:${V2}/experiments/(create|set-experiment-tag)`,
  `POST:${V2}/runs/(create|update|set-tag|log-batch|log-inputs|log-metric|log-model|log-parameter|outputs)`,
  `PUT:${FILES}/artifacts/${FILE}`,
  `POST:${FILES}/mpu/(create|complete|abort)/${FILE}`,
  `POST:${V2}/artifacts/presigned-upload-url`,
  `POST:${V2}/logged-models`,
  `PATCH:${V2}/logged-models/(${ID}|${ID}/tags)`,
  `POST:${V2}/logged-models/${ID}/params`,
  `POST:${V2}/registered-models/(create|set-tag)`,
  `POST:${V2}/model-versions/(create|set-tag)`,
  `PATCH:${V2}/model-versions/update`,
  `POST:${V2}/traces`,
  `PATCH:${V2}/traces/(${ID}|${ID}/tags)`,
  `POST:${V2}/traces/(link-prompts|link-to-run)`,
  `POST:${V3}/(traces|traces/${ID}/assessments)`,
  `PATCH:${V3}/traces/(${ID}/tags|${ID}/assessments/${ID})`,
  'POST:/v1/traces',
  `POST:${V3}/datasets/(create|${ID}/records|${ID}/add-experiments)`,
  `PATCH:${V3}/datasets/${ID}/tags`,
];

/**
 * Methods and paths, as regular expressions. Those of a serving are what MLflow's client asks while download_model.py
 * downloads a version, whose source may be a logged model, a run, or a path of the store; those of the deployer are the
 * calls of runtime/deployer/registry.ts and the other ways to read an alias or a stage.
 *
 * No role reaches MLflow's pages with their /ajax-api, nor /graphql, which is one address for reads and changes, nor
 * /version, by which a serving asks who may send it requests.
 */
export const ROLE_ROUTES: Record<RestrictedRole, readonly string[]> = {
  [ServiceUserRole.READER]: READS,
  [ServiceUserRole.TRAINER]: [...READS, ...WRITES],
  [ServiceUserRole.SERVING]: [
    ...VERSION_TAGS,
    `GET:${V2}/model-versions/(get|get-download-uri)`,
    `GET:${V2}/registered-models/(get|alias)`,
    `(GET|POST):${V2}/registered-models/get-latest-versions`,
    `GET:${V2}/runs/get`,
    `GET:${V2}/logged-models/m-[0-9a-f]+`,
    `POST:${V2}/logged-models/search`,
    `GET:${V3}/server-info`,
    `GET:${FILES}/(artifacts|artifacts/${FILE}|presigned/${FILE})`,
  ],
  [ServiceUserRole.DEPLOYER]: [
    ...VERSION_TAGS,
    `GET:${V2}/registered-models/(search|get|alias)`,
    `(GET|POST):${V2}/registered-models/get-latest-versions`,
    `GET:${V2}/model-versions/(get|search)`,
  ],
};

/** Their names are parts of the names of files: see roles.ts. @internal */
export const ROLES = Object.keys(ROLE_ROUTES) as RestrictedRole[];
