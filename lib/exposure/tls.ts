import { checkInputs } from '../inputs/inputs';
import { Rule, objectNameRule } from '../kubernetes/rules';

/**
 * The source of a host's certificate.
 */
export class Tls {
  /**
   * A certificate that cert-manager creates, in the Secret `<platform>-tls`, of a serving `<id>-serving-tls` (annotation
   * `cert-manager.io/cluster-issuer`).
   *
   * @param clusterIssuer name of a ClusterIssuer, e.g. `letsencrypt-prod`
   */
  public static fromIssuer(clusterIssuer: string): Tls {
    checkInputs('Tls.fromIssuer', { clusterIssuer });
    return new Tls(objectNameRule('clusterIssuer of tls', clusterIssuer, 'letsencrypt-prod'), {
      'cert-manager.io/cluster-issuer': clusterIssuer,
    });
  }

  /**
   * As `fromIssuer`, by an Issuer of the Ingress's own namespace (annotation `cert-manager.io/issuer`).
   *
   * @param issuerName name of an Issuer
   */
  public static fromNamespacedIssuer(issuerName: string): Tls {
    checkInputs('Tls.fromNamespacedIssuer', { issuerName });
    return new Tls(objectNameRule('issuerName of tls', issuerName, 'team-ca'), {
      'cert-manager.io/issuer': issuerName,
    });
  }

  /**
   * An existing Secret of type `kubernetes.io/tls`.
   *
   * @param name name of the Secret
   */
  public static fromSecret(name: string): Tls {
    checkInputs('Tls.fromSecret', { name });
    return new Tls(objectNameRule('the name of the Secret of tls', name, 'mlflow-tls'), {}, name);
  }

  private constructor(
    private readonly rule: Rule,
    /** @internal */ public readonly _annotations: Record<string, string>,
    /** @internal */ public readonly _secretName?: string,
  ) {}

  /** @internal */
  public get _rules(): Rule[] {
    return [this.rule];
  }
}
