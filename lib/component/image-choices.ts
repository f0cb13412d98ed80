import { Images } from '../images';
import { Rule, imageRule } from '../kubernetes/rules';

/**
 * Images in place of the library's own, one for each program, e.g. by digest. One that is left out keeps its default, and
 * the prop of a component (`image`, `proxyImage`, `clientImage`, `exporterImage`) takes precedence.
 */
export interface ImageChoices {
  /**
   * MLflow: `image` of the tracking server, its migration and the servings.
   * @default Images.MLFLOW
   */
  readonly mlflow?: string;
  /**
   * PostgreSQL: `image` of the embedded database, its set-up Job and the containers that dump and restore.
   * @default Images.POSTGRES
   */
  readonly postgres?: string;
  /**
   * The exporter of PostgreSQL's metrics: `image` of the container `exporter` in the pod of the embedded database.
   * @default Images.POSTGRES_EXPORTER
   */
  readonly postgresExporter?: string;
  /**
   * MariaDB: `image` of the container that dumps a database of `Database.mysql(…)`.
   * @default Images.MARIADB
   */
  readonly mariadb?: string;
  /**
   * The embedded store and its set-up Job: `image` of an image of Silo or of MinIO, with the client `mc` in it.
   * @default Images.SILO
   */
  readonly silo?: string;
  /**
   * The embedded store of a `SeaweedStore`: `image` of an image of SeaweedFS, with `curl` in it.
   * @default Images.SEAWEEDFS
   */
  readonly seaweedfs?: string;
  /**
   * The proxy nginx: `image` of the sidecar of the tracking server and of the servings.
   * @default Images.NGINX
   */
  readonly nginx?: string;
  /**
   * OAuth2 Proxy: `image` of the container `oauth2-proxy` in the pod of a tracking server with `Authentication.oidc()`.
   * @default Images.OAUTH2_PROXY
   */
  readonly oauth2Proxy?: string;
  /**
   * Node.js: `image` of the deployer and of the Job that creates the Secrets.
   * @default Images.NODE
   */
  readonly node?: string;
  /**
   * The program rclone: `image` of the container that copies the files of a backup.
   * @default Images.RCLONE
   */
  readonly rclone?: string;
}

export const DEFAULT_IMAGES: Required<ImageChoices> = {
  mlflow: Images.MLFLOW,
  postgres: Images.POSTGRES,
  postgresExporter: Images.POSTGRES_EXPORTER,
  mariadb: Images.MARIADB,
  silo: Images.SILO,
  seaweedfs: Images.SEAWEEDFS,
  nginx: Images.NGINX,
  oauth2Proxy: Images.OAUTH2_PROXY,
  node: Images.NODE,
  rclone: Images.RCLONE,
};
export const IMAGE_CHOICES = Object.keys(DEFAULT_IMAGES) as (keyof ImageChoices)[];

/** What is wrong with them. */
export function imageChoiceRules(images: ImageChoices): Rule[] {
  return IMAGE_CHOICES.flatMap((name) =>
    images[name] === undefined ? [] : [imageRule(images[name], `images.${name}`)],
  );
}
