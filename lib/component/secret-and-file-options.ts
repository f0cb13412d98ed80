import { ConfigValue } from '../kubernetes/config-value';
import { MountedFiles } from '../kubernetes/mounted-files';
import { SecretValue } from '../kubernetes/secret-value';

/** Secrets and files of your own, for the pods of tracking servers and of servings. */
export interface SecretAndFileOptions {
  /**
   * Environment variables with values of existing Secrets, by their names, e.g.
   * `{ OPENAI_API_KEY: SecretValue.fromSecret('llm', 'key') }`. They are set in the process of MLflow: of a serving the
   * containers `model-server` and `download-model`, with every `runtime`; of a tracking server `mlflow` and
   * `wait-for-schema`. A value is in no YAML: it is a file below `/run/secrets/mlflow`, which the library's program
   * reads at its start, without a line end at the end of the file. After a change of the Secret run
   * `kubectl rollout restart`: until then running processes keep the old value, and new pods have the new one. Migration,
   * backup, garbage collection and the sidecars do not get the variables. Names that `environment` may not have, or has too,
   * are refused, and so are those that take effect only at the start of a process, e.g. `PYTHONPATH`.
   * @default - none
   */
  readonly secretEnvironment?: Record<string, SecretValue>;
  /**
   * Environment variables with values of existing ConfigMaps, by their names, e.g.
   * `{ CHURN_THRESHOLD: ConfigValue.fromConfigMap('settings', 'threshold') }`: `valueFrom.configMapKeyRef` of the same containers as
   * of `secretEnvironment`. After a change of the ConfigMap run `kubectl rollout restart`. Names that `environment` may not have,
   * or has too, are refused.
   * @default - none
   */
  readonly configEnvironment?: Record<string, ConfigValue>;
  /**
   * Existing ConfigMaps and Secrets as read-only folders, e.g. `[MountedFiles.fromConfigMap('prompts', '/etc/prompts')]`:
   * `volumes` of the pod, and `volumeMounts` of the same containers as of `secretEnvironment`. After a change the files
   * follow within about a minute, without a restart; a program that has read them keeps what it read. A folder that the
   * library mounts, or that is above or below one, is refused. Migration, backup and garbage collection do not have the
   * files: for a certificate authority of the database or the store use `authoritySecretName`.
   * @default - none
   */
  readonly files?: MountedFiles[];
}
