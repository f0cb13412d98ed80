import { Size } from 'cdk8s';
import { checkInputs } from '../inputs/inputs';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { sizeRule } from '../kubernetes/resources';
import { Rule, imageRule, objectNameRule } from '../kubernetes/rules';

/** The source of the packages that models require. */
export interface RequirementsProps {
  /** The package index: pip's `--index-url`, e.g. `https://pypi.org/simple`. */
  readonly indexUrl: string;
  /**
   * Where the pods may go to reach the index, by NetworkPolicy.
   * @default - any address on the URL's port
   */
  readonly egress?: EgressRule[];
  /**
   * A PersistentVolumeClaim (ReadWriteMany) that keeps what was installed, one folder for each set of requirements, so
   * that a second pod installs nothing.
   * @default - a folder of each pod (emptyDir)
   */
  readonly cacheClaimName?: string;
  /**
   * Space for what is installed: `sizeLimit` of the emptyDir, and part of the request and the limit of ephemeral storage.
   * @default Size.gibibytes(5)
   */
  readonly space?: Size;
}

/**
 * What a model runs in. Its Python version and its requirements are compared with it before anything is loaded.
 */
export class ServingRuntime {
  /** MLflow's unchanged image, with nothing installed. It needs no network outside of the cluster. The default. */
  public static offline(): ServingRuntime {
    return new ServingRuntime();
  }

  /**
   * MLflow's image. pip installs what else a model requires when a pod starts.
   *
   * @param props the package index
   */
  public static withRequirements(props: RequirementsProps): ServingRuntime {
    checkInputs('ServingRuntime.withRequirements', { props });
    return new ServingRuntime(undefined, props);
  }

  /**
   * Your own image, with what the models need: Python as `python`, `mlflow` with its scoring server (FastAPI,
   * uvicorn), what the models require and, for metrics, `prometheus_client`. It runs as user 10001 on a read-only root.
   * Nothing is installed.
   *
   * @param image with a tag other than `latest` or a digest
   */
  public static image(image: string): ServingRuntime {
    checkInputs('ServingRuntime.image', { image });
    return new ServingRuntime(image);
  }

  private constructor(
    /** @internal */ public readonly _image?: string,
    /** @internal */ public readonly _requirements?: RequirementsProps,
  ) {}

  /** @internal */
  public get _space(): Size {
    return this._requirements?.space ?? Size.gibibytes(5);
  }

  /** Where pods may go for packages. @internal */
  public get _egress(): EgressRule[] {
    if (!this._requirements) return [];
    const { indexUrl, egress } = this._requirements;
    const url = new URL(indexUrl);
    const port = Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
    return egress ?? [{ peer: { anyone: true }, port }];
  }

  /** @internal */
  public get _rules(): Rule[] {
    const { indexUrl, cacheClaimName, egress } = this._requirements ?? {};
    return [
      ...(this._image === undefined ? [] : [imageRule(this._image, 'the image of the runtime')]),
      {
        wrong:
          indexUrl !== undefined && !(/^https?:\/\/[^/@\s?#]+(\/[^@\s?#]*)?$/.test(indexUrl) && URL.canParse(indexUrl)),
        given: `indexUrl is '${indexUrl}'`,
        want: "expected the address of a package index without a user, e.g. 'https://pypi.org/simple'",
      },
      ...(cacheClaimName === undefined ? [] : [objectNameRule('cacheClaimName', cacheClaimName)]),
      ...(this._requirements ? [sizeRule('space', this._space)] : []),
      ...egressRules('egress of the package index', egress),
    ];
  }
}
