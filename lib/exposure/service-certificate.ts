import { ApiObject, Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { ICertifiedService } from '../component/certified-service';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { durationRule, seconds } from '../kubernetes/durations';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject } from '../kubernetes/manifest';
import { isSubdomain } from '../kubernetes/metadata-rules';
import { Rule, check, objectNameRule } from '../kubernetes/rules';

/** The kind of an issuer of cert-manager: `spec.issuerRef.kind`. */
export enum CertificateIssuerKind {
  /** Of the whole cluster. */
  CLUSTER_ISSUER = 'ClusterIssuer',
  /** In the namespace of the certificate. */
  ISSUER = 'Issuer',
}

/** A certificate for the Service of a component, by cert-manager. */
export interface ServiceCertificateProps {
  /** The component whose `tlsSecretName` is the id: a tracking server, a serving or a `MinioStore`, e.g. `mlflow.server`. */
  readonly service: ICertifiedService;
  /** Name of the issuer, which must be of a private authority: a public one signs no names of a cluster. `spec.issuerRef.name`. */
  readonly issuer: string;
  /**
   * The kind of the issuer.
   * @default CertificateIssuerKind.CLUSTER_ISSUER
   */
  readonly issuerKind?: CertificateIssuerKind;
  /**
   * Domain of the cluster, with which the full name of the Service ends.
   * @default 'cluster.local'
   */
  readonly clusterDomain?: string;
  /**
   * Further names, in addition to those of the Service: `spec.dnsNames`.
   * @default - none
   */
  readonly dnsNames?: string[];
  /**
   * How long a certificate is valid, in whole seconds of at least an hour: `spec.duration`. cert-manager renews it after two
   * thirds of that time, and the pods serve the new one without a restart.
   * @default Duration.days(90)
   */
  readonly duration?: Duration;
}

/**
 * A Certificate of cert-manager for the Service of a component: it writes the Secret that is named by the id, for
 * `tlsSecretName`. Put it in a chart of its own, with the namespace of the component: it needs cert-manager.
 *
 * Object, by the id for `apiObject()`: `certificate`.
 *
 * @see https://cert-manager.io/docs/usage/certificate/
 */
export class ServiceCertificate extends Construct {
  /** Name of the Secret. */
  public readonly secretName: string;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the Certificate and its Secret
   * @param props the Service and the issuer
   */
  constructor(scope: Construct, id: string, props: ServiceCertificateProps) {
    super(checkedScope('ServiceCertificate', scope, id), id);
    checkInputs('new ServiceCertificate', { scope, id, props }, this);
    check(this, [objectNameRule('the id of the certificate', id, 'mlflow-server-tls'), ...rules(props)]);
    this.secretName = id;
    const { service, issuer, issuerKind = CertificateIssuerKind.CLUSTER_ISSUER, dnsNames = [] } = props;
    const spec = {
      secretName: id,
      duration: `${seconds(props.duration ?? Duration.days(90))}s`,
      dnsNames: [...new Set([...serviceNames(props), ...dnsNames])],
      issuerRef: { group: 'cert-manager.io', kind: issuerKind, name: issuer },
      privateKey: { rotationPolicy: 'Always' },
      usages: ['digital signature', 'key encipherment', 'server auth'],
    };
    this.node.defaultChild = apiObject(this, 'certificate', {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      name: id,
      namespace: service.namespace,
      labels: {
        'app.kubernetes.io/name': 'mlflow',
        'app.kubernetes.io/component': 'certificate',
        'app.kubernetes.io/part-of': 'mlflow',
        'app.kubernetes.io/managed-by': 'cdk8s',
      },
      body: { spec },
    });
  }

  /**
   * Returns the Certificate, to change a field that no prop sets.
   *
   * @param id `certificate`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('ServiceCertificate#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}

/** All names of the Service inside the cluster; the library's own programs use the one that ends in `.svc`. */
function serviceNames({ service, clusterDomain = 'cluster.local' }: ServiceCertificateProps): string[] {
  const { componentName: name, namespace } = service;
  if (namespace === undefined) return [name];
  const long = `${name}.${namespace}`;
  return [name, long, `${long}.svc`, `${long}.svc.${clusterDomain}`];
}

function rules({ issuer, clusterDomain, dnsNames = [], duration }: ServiceCertificateProps): Rule[] {
  return [
    objectNameRule('issuer', issuer, 'company-ca'),
    durationRule('duration', duration, 3600),
    {
      wrong: clusterDomain !== undefined && !isSubdomain(clusterDomain),
      given: `clusterDomain is '${clusterDomain}'`,
      want: "expected a domain in lower case, e.g. 'cluster.local'",
    },
    ...dnsNames.map((name) => ({
      wrong: !isSubdomain(name.replace(/^\*\./, '')),
      given: `dnsNames has '${name}'`,
      want: "expected host names in lower case, e.g. 'mlflow.example.com'",
    })),
  ];
}
