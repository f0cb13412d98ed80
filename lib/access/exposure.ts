import { HttpRouteExposureProps, httpRoute } from './http-route';
import { IngressExposureProps, ingress } from './ingress';
import { Entrance, WayIn } from './way-in';
import { checkInputs } from '../inputs/inputs';
import { Component } from '../kubernetes/component';

/**
 * How people outside the cluster reach the platform. The login is the platform's own, whatever stands before it.
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
   * An HTTPRoute `<platform>-route`, of a serving `<id>-serving-route`, to a Gateway that is there, of any implementation
   * of the Gateway API from release 1.2 on.
   *
   * @param props host and Gateway
   */
  public static httpRoute(props: HttpRouteExposureProps): Exposure {
    checkInputs('Exposure.httpRoute', { props });
    return new Exposure(httpRoute(props));
  }

  /** Nobody, but by `kubectl port-forward` and from inside the cluster. */
  public static none(): Exposure {
    return new Exposure();
  }

  private constructor(private readonly way?: WayIn) {}

  /** Host names that clients use. @internal */
  public get _hosts(): string[] {
    return this.way?.host ? [this.way.host] : [];
  }

  /** The host that is reached by TLS alone. @internal */
  public get _httpsHost(): string | undefined {
    return this.way?.https ? this.way.host : undefined;
  }

  /** What a browser sends as `Origin`. @internal */
  public get _origins(): string[] {
    // Where nothing is said of TLS it may end before the way in: an origin with https is right too.
    return this._hosts.flatMap((host) =>
      this.way?.https ? [`https://${host}`] : [`http://${host}`, `https://${host}`],
    );
  }

  /** @internal */
  public _bind(component: Component, entrance: Entrance): void {
    this.way?.bind(component, entrance);
  }
}
