// The objects to which the commands of a page can refer.
import { readFileSync } from 'fs';
import { join } from 'path';
import { Page, heredocs } from './pages';
import { objectsOf, programsOf } from './programs';
import { everything, objectsOf as platformOf } from '../../docs/generate/platforms';
import { existingNames } from '../output/checks/existing-names';
import { Manifest, parseManifests } from '../output/manifests';
import { ROOT, filesOf } from '../support/run';

/** Namespaces that other people manage: their objects are not known. */
export const FOREIGN = ['mlflow-old'];

const dist = Object.values(filesOf(join(ROOT, 'dist'))).flatMap(parseManifests);
/** The manifests of the blog, from which users migrate. */
const blog = parseManifests(readFileSync(join(ROOT, 'e2e/fixtures/blog.yaml'), 'utf8')).map((object) => inside(object));

function inside(object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? 'mlflow' } };
}

export interface Cluster {
  /** `Kind/name` of each namespace. */
  readonly has: (namespace: string, title: string) => boolean;
  readonly namespaces: string[];
  /** `key=value` of objects and pods. */
  readonly labels: Set<string>;
  readonly containers: Set<string>;
}

/**
 * The objects of `main.ts`, of a platform with all features, of the page's own TypeScript, and those that its commands
 * create.
 */
export function clusterOf(page: Page, withPrograms: boolean): Cluster {
  const own = withPrograms ? Object.values(objectsOf(programsOf(page))).flatMap((objects) => objects()) : [];
  const handed = page.blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => heredocs(code).found)
    .filter(({ command }) => command.includes('kubectl apply'))
    .flatMap(({ content }) => parseManifests(content));
  const objects: Manifest[] = [...dist, ...platformOf(everything), ...own, ...handed, ...blog];
  const created = [...page.text.matchAll(/kubectl create secret (?:generic|tls) ([\w-]+)/g)].map(
    ([, name]) => `Secret/${name}`,
  );
  created.push(...[...page.text.matchAll(/kubectl create job ([\w-]+)/g)].map(([, name]) => `Job/${name}`));
  created.push(...[...page.text.matchAll(/kubectl create configmap ([\w-]+)/g)].map(([, name]) => `ConfigMap/${name}`));
  const namespaces = [
    ...new Set(objects.map(({ metadata }) => metadata.namespace).filter((name) => name !== undefined)),
  ];
  const titles = new Map(namespaces.map((name) => [name, titlesOf(objects, name, created)]));
  const templates = objects.flatMap(({ spec }) => spec?.template ?? []);
  return {
    has: (namespace, title) => !!titles.get(namespace)?.has(title) || title === `Namespace/${namespace}`,
    namespaces,
    labels: new Set(
      [...objects, ...templates].flatMap(({ metadata }) =>
        Object.entries(metadata?.labels ?? {}).map(([key, value]) => `${key}=${value}`),
      ),
    ),
    containers: new Set(
      templates
        .flatMap(({ spec }) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])])
        .map(({ name }: Manifest) => name),
    ),
  };
}

function titlesOf(objects: Manifest[], namespace: string, created: string[]): Set<string> {
  const sets = objects.filter(({ kind, metadata }) => kind === 'StatefulSet' && metadata.namespace === namespace);
  const pods = sets.flatMap(({ metadata, spec }) =>
    Array.from({ length: spec.replicas }, (_, ordinal) => `Pod/${metadata.name}-${ordinal}`),
  );
  return new Set([...existingNames(objects, namespace).keys(), ...pods, ...created]);
}
