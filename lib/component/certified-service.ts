/** What a certificate can be for: a tracking server, a serving or an embedded store. */
export interface ICertifiedService {
  /** Name of its Service. */
  readonly componentName: string;
  /**
   * Namespace of its Service.
   * @default - `kubectl` decides
   */
  readonly namespace?: string;
}
