import { checkInputs } from '../inputs/inputs';
import { isDataKey } from '../kubernetes/metadata-rules';
import { Rule, objectNameRule } from '../kubernetes/rules';

/** What all values of a ConfigMap together may have. */
const MOST_BYTES = 1024 * 1024;

/**
 * A request that a new pod has to answer before it gets any other. A version that loads but cannot predict never gets
 * a request.
 */
export class WarmUp {
  /**
   * The example that the model was logged with (`log_model(…, input_example=…)`), which follows the version. A version
   * without one is not tried. The default.
   */
  public static modelExample(): WarmUp {
    return new WarmUp('example');
  }

  /**
   * Your own request, in the ConfigMap `<serving>-warm-up`.
   *
   * @param body as POSTed to `/invocations`, e.g. `{"inputs": [[1, 2]]}`
   * @param contentType of the body. `application/json` if it is left out
   */
  public static request(body: string, contentType?: string): WarmUp {
    checkInputs('WarmUp.request', { body, contentType });
    return new WarmUp('request', body, undefined, contentType);
  }

  /**
   * A request in a ConfigMap that this app does not create.
   *
   * @param name name of the ConfigMap
   * @param key key of the body
   * @param contentType of the body. `application/json` if it is left out
   */
  public static fromConfigMap(name: string, key: string, contentType?: string): WarmUp {
    checkInputs('WarmUp.fromConfigMap', { name, key, contentType });
    return new WarmUp('configMap', undefined, { name, key }, contentType);
  }

  /** None: a pod is ready as soon as its model is loaded. */
  public static none(): WarmUp {
    return new WarmUp('none');
  }

  private constructor(
    /** @internal */ public readonly _kind: 'example' | 'request' | 'configMap' | 'none',
    /** @internal */ public readonly _body?: string,
    private readonly source?: { name: string; key: string },
    private readonly contentType: string = 'application/json',
  ) {}

  /** The ConfigMap and its key, if one is mounted. @internal */
  public _source(own: string): { name: string; key: string } | undefined {
    return this._kind === 'request' ? { name: own, key: 'request' } : this.source;
  }

  /** @internal */
  public _environment(file: string): Record<string, string> {
    if (this._kind === 'none') return {};
    if (this._kind === 'example') return { WARM_UP: 'model-example' };
    return { WARM_UP: file, WARM_UP_CONTENT_TYPE: this.contentType };
  }

  /** @internal */
  public get _rules(): Rule[] {
    const json = /^application\/json\b/.test(this.contentType);
    const bytes = Buffer.byteLength(this._body ?? '');
    return [
      {
        wrong: bytes > MOST_BYTES,
        given: `the body of the warm-up request has ${bytes} bytes`,
        want: `expected at most ${MOST_BYTES}, which is what a ConfigMap holds; a smaller example is enough`,
      },
      {
        wrong: this._kind === 'request' && (!this._body?.trim() || (json && !isJson(this._body))),
        given: `the body of the warm-up request is '${this._body?.slice(0, 60)}'`,
        want: `expected what is POSTed to /invocations, e.g. '{"inputs": [[1, 2]]}', or another contentType`,
      },
      {
        wrong: !/^[\w.+-]+\/[\w.+-]+(; ?[\w=-]+)*$/.test(this.contentType),
        given: `the content type of the warm-up request is '${this.contentType}'`,
        want: "expected e.g. 'application/json' or 'text/csv'",
      },
      ...(this.source
        ? [objectNameRule('the name of the ConfigMap of the warm-up request', this.source.name, 'samples')]
        : []),
      {
        wrong: this.source !== undefined && !isDataKey(this.source.key),
        given: `the key of the warm-up request is '${this.source?.key}'`,
        want: "expected the name of a key of the ConfigMap, e.g. 'request.json'",
      },
    ];
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
