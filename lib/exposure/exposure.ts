import { HttpRouteExposureProps, httpRoute } from './http-route';
import { IngressExposureProps, ingress } from './ingress';
import { RouteExposureProps, openShiftRoute } from './openshift-route';
import { Backend, ExposureKind, PodsBehind } from './route';
import { Component } from '../component/component';
import { checkInputs } from '../inputs/inputs';
import { Rule } from '../kubernetes/rules';

/**
 * How clients outside the cluster reach the platform. The login is always the platform's own.
 */
export class Exposure {
  /**
   * An Ingress `<platform>-ingress`, of a serving `<id>-serving-ingress`, for any controller.
   *
   * @param props host and certificate
   */
  public static ingress(props: IngressExposureProps): Exposure {
    checkInputs('Exposure.ingress', { props });
    return new Exposure(ingress(props));
  }

  /**
   * An HTTPRoute `<platform>-route`, of a serving `<id>-serving-route`, to an existing Gateway, of any implementation of
   * the Gateway API from release 1.2 on.
   *
   * @param props host and Gateway
   */
  public static httpRoute(props: HttpRouteExposureProps): Exposure {
    checkInputs('Exposure.httpRoute', { props });
    return new Exposure(httpRoute(props));
  }

  /**
   * A Route of OpenShift `<platform>-route`, of a serving `<id>-serving-route`. TLS ends at the router.
   *
   * @param props host and certificate
   */
  public static route(props: RouteExposureProps): Exposure {
    checkInputs('Exposure.route', { props });
    return new Exposure(openShiftRoute(props));
  }

  /** Reachable only by `kubectl port-forward` and from inside the cluster. */
  public static none(): Exposure {
    return new Exposure();
  }

  private constructor(private readonly kind?: ExposureKind) {}

  /** Host names that clients use. @internal */
  public get _hosts(): string[] {
    return this.kind?.hosts ?? [];
  }

  /** By which address clients outside the cluster reach it: hosts that are reached only by TLS, and the path. @internal */
  public get _address(): { httpsHosts?: string[]; path?: string } {
    const { kind } = this;
    return { httpsHosts: kind?.https ? kind.hosts : undefined, path: kind?.path };
  }

  /** What a browser sends as `Origin`. @internal */
  public get _origins(): string[] {
    // Without settings of TLS it may end before the Ingress or Gateway: an origin with https is right too.
    return this._hosts.flatMap((host) =>
      this.kind?.https ? [`https://${host}`] : [`http://${host}`, `https://${host}`],
    );
  }

  /** Its broken rules, which a component reports together with its own. @internal */
  public _rules(pods: PodsBehind): Rule[] {
    return [...(this.kind?.rules ?? []), ...(this.kind?.tlsRules?.(pods) ?? [])];
  }

  /** @internal */
  public _bind(component: Component, backend: Backend): void {
    this.kind?.bind(component, backend);
  }
}
