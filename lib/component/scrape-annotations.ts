import { Rule } from '../kubernetes/rules';

/** Where one pod answers with its metrics. */
export interface PodMetrics {
  readonly port: number;
  /** @default '/metrics' */
  readonly path?: string;
  /** @default 'http' */
  readonly scheme?: 'https';
}

const PREFIX = 'prometheus.io/';

/**
 * By these a Prometheus without operator finds the pods. They are a custom, which its scrape configuration reads: those of its Helm
 * chart do.
 *
 * @see https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus#scraping-pod-metrics-via-annotations
 */
export function scrapeAnnotations({ port, path = '/metrics', scheme }: PodMetrics): Record<string, string> {
  return {
    [`${PREFIX}scrape`]: 'true',
    [`${PREFIX}port`]: String(port),
    [`${PREFIX}path`]: path,
    ...(scheme && { [`${PREFIX}scheme`]: scheme }),
  };
}

/** What is wrong with annotations of the user that would be overwritten. */
export function scrapeRules(scraped: boolean | undefined, podAnnotations: Record<string, string> = {}): Rule[] {
  const own = Object.keys(podAnnotations).find((key) => key.startsWith(PREFIX));
  return [
    {
      wrong: scraped === true && own !== undefined,
      given: `podAnnotations has '${own}' and scrapeAnnotations is true`,
      want: 'expected one of the two: scrapeAnnotations sets the port and the path of each component',
    },
  ];
}
