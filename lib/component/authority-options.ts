import { CertificateAuthority } from '../kubernetes/certificate-authority';

/** What the programs of a platform or of a component trust. */
export interface AuthorityOptions {
  /**
   * Certificate authorities that the programs of the platform or of the component trust in addition to the public ones, in each https connection:
   * MLflow and its clients of the store, of the package index and of other APIs, the deployer, rclone, OAuth2 Proxy, and nginx of
   * a serving towards the tracking server. It becomes a file, and `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`, `AWS_CA_BUNDLE` and
   * `PIP_CERT`, or `NODE_EXTRA_CA_CERTS`. A prop such as `authoritySecretName` and a variable of your own take precedence. The
   * programs read a changed file with their next start. The database has a prop of its own.
   * @default - only the public authorities that the images know
   */
  readonly authority?: CertificateAuthority;
}
