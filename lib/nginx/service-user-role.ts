/**
 * What the login of a program may do. The proxy checks the method and the path of each request. It reads no body, so a role
 * is the same for every experiment and every model. A route that a newer MLflow adds is refused until a role lists it.
 *
 * @see docs/how-to/users.md
 */
export enum ServiceUserRole {
  /** Reads experiments, runs, models, traces, data sets and files by the REST API. It changes nothing. */
  READER = 'reader',
  /**
   * A reader that also writes what a training writes: experiments, runs, metrics, files, traces, data sets, models and
   * versions of them. It deletes nothing, and sets neither an alias nor a stage, so it does not decide what is served.
   */
  TRAINER = 'trainer',
  /** What a `ModelDeployer` needs: it reads the registry and sets tags of model versions. */
  DEPLOYER = 'deployer',
  /** What a `ModelServing` needs: it reads the registry and the files of models, and sets tags of model versions. */
  SERVING = 'serving',
  /** All that a person may do. */
  ADMIN = 'admin',
}
