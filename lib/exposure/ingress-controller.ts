type Annotations = Record<string, string>;

/**
 * What an Ingress needs for uploads of many minutes and any size, in the annotations of its controller: time-outs of one hour, no limit of
 * bodies, no buffering of requests, the health check, and https to pods with `tlsSecretName`. `annotations` take precedence.
 *
 * Traefik and GKE are not here: the time-outs of the first are those of an entry point in its own configuration, and those of the
 * second are in a BackendConfig. docs/how-to/ingress.md has both.
 */
export class IngressController {
  /**
   * The retired controller ingress-nginx of Kubernetes: `nginx.ingress.kubernetes.io/proxy-body-size`, `proxy-request-buffering`,
   * `proxy-read-timeout`, `proxy-send-timeout`, `proxy-buffer-size` for the cookies of a single sign-on, and `backend-protocol` for pods
   * that speak https. It does not verify their certificate without further annotations.
   *
   * @see https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
   */
  public static nginx(): IngressController {
    return new IngressController('nginx.ingress.kubernetes.io', (https) => ({
      'proxy-body-size': '0',
      'proxy-request-buffering': 'off',
      'proxy-read-timeout': '3600',
      'proxy-send-timeout': '3600',
      'proxy-buffer-size': '16k',
      ...(https && { 'backend-protocol': 'HTTPS' }),
    }));
  }

  /**
   * An Application Load Balancer of the AWS Load Balancer Controller: `alb.ingress.kubernetes.io/target-type: ip`,
   * `load-balancer-attributes` with the idle time-out, `healthcheck-path`, and `backend-protocol` and `healthcheck-protocol` for pods that speak
   * https. TLS ends at the load balancer, with a certificate of ACM: leave `tls` of the exposure out.
   *
   * @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
   */
  public static awsLoadBalancer(): IngressController {
    return new IngressController('alb.ingress.kubernetes.io', (https) => ({
      'target-type': 'ip',
      'load-balancer-attributes': 'idle_timeout.timeout_seconds=3600',
      'healthcheck-path': '/health',
      ...(https && { 'backend-protocol': 'HTTPS', 'healthcheck-protocol': 'HTTPS' }),
    }));
  }

  /**
   * The controller of HAProxy Technologies: `haproxy.org/timeout-server`, and `server-ssl` for pods that speak https. Its
   * `timeout-client: 1h` belongs into its own ConfigMap.
   *
   * @see https://github.com/haproxytech/kubernetes-ingress/blob/master/documentation/annotations.md
   */
  public static haproxy(): IngressController {
    return new IngressController('haproxy.org', (https) => ({
      'timeout-server': '1h',
      ...(https && { 'server-ssl': 'true' }),
    }));
  }

  /**
   * Azure's Application Gateway, by AGIC: `appgw.ingress.kubernetes.io/request-timeout`, `health-probe-path`, and `backend-protocol` for pods
   * that speak https. Limits of bodies and the buffering of requests belong to the gateway's own configuration.
   *
   * @see https://azure.github.io/application-gateway-kubernetes-ingress/annotations/
   */
  public static azureApplicationGateway(): IngressController {
    return new IngressController('appgw.ingress.kubernetes.io', (https) => ({
      'request-timeout': '3600',
      'health-probe-path': '/health',
      ...(https && { 'backend-protocol': 'https' }),
    }));
  }

  private constructor(
    private readonly prefix: string,
    private readonly values: (https: boolean) => Annotations,
  ) {}

  /** For pods that speak https, or that do not. @internal */
  public _annotations(https: boolean): Annotations {
    return Object.fromEntries(
      Object.entries(this.values(https)).map(([name, value]) => [`${this.prefix}/${name}`, value]),
    );
  }
}
