import { checkInputs } from '../inputs/inputs';
import { Rule } from '../kubernetes/rules';

/** Options of a registered model. */
export interface RegisteredModelOptions {
  /**
   * The workspace of MLflow that has the model: `MLFLOW_WORKSPACE` of the serving's pods. The login of the serving is valid in this
   * workspace only, and so are the logins of those who send requests to a serving with an exposure.
   * @default - the default workspace
   */
  readonly workspace?: string;
}

const STAGES = ['Staging', 'Production', 'Archived'];

/**
 * Which version of which registered model is served: a fixed one, or the one that an alias or a stage points to at any
 * time, which a `ModelDeployer` follows.
 */
export class RegisteredModel {
  /**
   * The version that an alias points to (`models:/name@alias`). The YAML has no version: a `ModelDeployer` sets it.
   *
   * @param name name in the registry
   * @param alias e.g. `champion`
   * @param options its workspace
   */
  public static byAlias(name: string, alias: string, options: RegisteredModelOptions = {}): RegisteredModel {
    checkInputs('RegisteredModel.byAlias', { name, alias, options });
    return new RegisteredModel(name, { alias, ...options });
  }

  /**
   * The newest version in a stage (`models:/name/Production`), for registries that still use stages. The YAML has no
   * version: a `ModelDeployer` sets it.
   *
   * @param name name in the registry
   * @param stage `Production`, `Staging` or `Archived`
   * @param options its workspace
   */
  public static byStage(name: string, stage: string, options: RegisteredModelOptions = {}): RegisteredModel {
    checkInputs('RegisteredModel.byStage', { name, stage, options });
    return new RegisteredModel(name, { stage, ...options });
  }

  /**
   * Always this version (`models:/name/7`): `MODEL_VERSION` in the YAML.
   *
   * @param name name in the registry
   * @param version a whole number, as the registry writes it, e.g. `'7'`
   * @param options its workspace
   */
  public static byVersion(name: string, version: string, options: RegisteredModelOptions = {}): RegisteredModel {
    checkInputs('RegisteredModel.byVersion', { name, version, options });
    return new RegisteredModel(name, { version, ...options });
  }

  /** The alias that is followed, if one is. */
  public readonly alias?: string;
  /** The stage that is followed, if one is. */
  public readonly stage?: string;
  /** The version that is fixed, if one is. */
  public readonly version?: string;
  /** The workspace of MLflow that has the model, if not the default one. */
  public readonly workspace?: string;

  private constructor(
    /** Name in the registry. */
    public readonly name: string,
    which: { alias?: string; stage?: string; version?: string; workspace?: string },
  ) {
    this.alias = which.alias;
    this.stage = which.stage;
    this.version = which.version;
    this.workspace = which.workspace;
  }

  /** @internal */
  public get _rules(): Rule[] {
    const { name, alias, stage, version, workspace } = this;
    return [
      {
        wrong: typeof name !== 'string' || name.trim() === '' || /[/:\p{Cc}]/u.test(name),
        given: `the model's name is '${name}'`,
        want: "expected its name in the registry, without '/' and ':', e.g. 'churn-prediction-model'",
      },
      {
        wrong: alias !== undefined && (!/^[\w-]{1,255}$/.test(alias) || /^(latest|v\d+)$/i.test(alias)),
        given: `the model's alias is '${alias}'`,
        want: "expected letters, digits, '_' and '-', not 'latest' and not 'v1', which MLflow keeps for itself, e.g. 'champion'",
      },
      {
        wrong: stage !== undefined && !STAGES.includes(stage),
        given: `the model's stage is '${stage}'`,
        want: `expected one of ${STAGES.join(', ')}`,
      },
      {
        wrong: version !== undefined && !/^[1-9]\d{0,9}$/.test(version),
        given: `the model's version is '${version}'`,
        want: "expected a whole number from 1 on, e.g. '7'; an alias is given by RegisteredModel.byAlias(name, alias)",
      },
      {
        wrong: workspace !== undefined && !/^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$/.test(workspace),
        given: `the model's workspace is '${workspace}'`,
        want: "expected the name of a workspace of MLflow: 2 to 63 lower-case letters, digits and '-', e.g. 'fraud'",
      },
      {
        wrong: alias === undefined && stage === undefined && version === undefined,
        given: 'the model has neither alias, stage nor version',
        want: "expected one of them, e.g. RegisteredModel.byAlias('churn', 'champion')",
      },
    ];
  }
}
