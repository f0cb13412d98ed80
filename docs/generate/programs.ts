// The page about programs: what the images contain, and what our containers start. test/output/programs.test.ts compares both.
import { Manifest, Pod, containersOf, podsOf } from './manifests';
import { code, lines, list, table } from './markdown';
import { programsOfShell } from './shell-programs';

/** The programs of GNU coreutils that a script may use. */
const COREUTILS = (
  'basename cat chmod chown comm cp cut date dirname env expr head id install join ln ls mkdir mktemp mv nproc od paste ' +
  'printenv readlink realpath rm rmdir seq sha256sum sleep sort split stat sum sync tac tail tee timeout touch tr truncate ' +
  'uname uniq wc whoami'
).split(' ');

/** The known contents of an image. A script must not use a program that is not listed, also if a test image has it. */
export interface ImageContents {
  /** Path of the image in its registry, without tag. */
  readonly image: string;
  /** A description: the base image, and the usual programs that it lacks. */
  readonly base: string;
  readonly programs: readonly string[];
}

const IMAGE_CONTENTS: readonly ImageContents[] = [
  {
    image: 'ghcr.io/mlflow/mlflow',
    base: "Debian's Python 3 (`python:3.x-slim`): without compilers, curl and git",
    programs: ['sh', 'bash', 'python', 'pip', 'find', 'sed', 'grep', ...COREUTILS],
  },
  {
    image: 'docker.io/library/postgres',
    base: 'Debian: without curl',
    programs: [
      ...['sh', 'bash', 'find', 'sed', 'grep', ...COREUTILS],
      ...[
        'docker-entrypoint.sh',
        'postgres',
        'pg_isready',
        'psql',
        'pg_dump',
        'pg_restore',
        'createdb',
        'dropdb',
        'initdb',
      ],
    ],
  },
  {
    image: 'ghcr.io/cloudnative-pg/postgresql',
    base: 'Debian: without curl and without an entry point; the operator brings its own',
    programs: [
      ...['sh', 'bash', 'find', 'sed', 'grep', ...COREUTILS],
      ...['postgres', 'pg_isready', 'psql', 'pg_dump', 'pg_restore', 'createdb', 'dropdb', 'initdb'],
    ],
  },
  {
    image: 'docker.io/library/mariadb',
    base: 'Ubuntu: bash, GNU coreutils, grep, gzip, sed; programs by their names with `mariadb` only',
    programs: ['sh', 'bash', 'find', 'grep', 'gzip', 'sed', ...COREUTILS, 'mariadb', 'mariadb-dump'],
  },
  {
    image: 'docker.io/pgsty/silo',
    base: 'Red Hat UBI 9 micro: bash and coreutils; **no sed, grep, awk, find, and no `minio`**',
    programs: ['sh', 'bash', 'docker-entrypoint.sh', 'silo', 'mcli', 'mc', 'curl', ...COREUTILS],
  },
  {
    image: 'quay.io/minio/minio',
    base: 'Red Hat UBI 9 micro: bash and coreutils; **no sed, grep, awk, find, and no `silo`**',
    programs: ['sh', 'bash', 'docker-entrypoint.sh', 'minio', 'mc', 'curl', ...COREUTILS],
  },
  {
    image: 'docker.io/chrislusf/seaweedfs',
    base: 'Alpine: busybox, no bash, no GNU coreutils',
    programs: ['sh', 'weed', 'curl', 'base64', 'cat', 'grep', 'head', 'rm', 'sed', 'sleep', 'touch', 'tr'],
  },
  {
    image: 'quay.io/prometheuscommunity/postgres-exporter',
    base: 'busybox, no bash, no GNU coreutils',
    programs: ['sh', '/bin/postgres_exporter'],
  },
  {
    image: 'docker.io/nginxinc/nginx-unprivileged',
    base: 'Alpine: busybox, no bash, no GNU coreutils',
    programs: ['sh', 'nginx'],
  },
  {
    image: 'quay.io/oauth2-proxy/oauth2-proxy',
    base: 'distroless: **no shell**',
    programs: ['/bin/oauth2-proxy'],
  },
  {
    image: 'docker.io/rclone/rclone',
    base: 'Alpine: busybox, no bash, no GNU coreutils',
    programs: ['sh', 'cat', 'cp', 'find', 'mv', 'rclone', 'rm', 'sleep', 'touch', 'wc'],
  },
  {
    image: 'docker.io/library/node',
    base: 'Alpine: busybox, no bash, no GNU coreutils',
    programs: ['sh', 'node', 'docker-entrypoint.sh'],
  },
];

/** The programs that one container starts by its command, its probes, its hooks, and the scripts that those run. */
export interface ProgramUse {
  /** `Deployment mlflow-server, container nginx`. */
  readonly at: string;
  readonly image: string;
  readonly programs: string[];
}

export function programUses(objects: Manifest[]): ProgramUse[] {
  return podsOf(objects).flatMap((pod) =>
    containersOf(pod).map(({ name, container }) => ({
      at: `${pod.owner}, container ${code(name)}`,
      image: container.image,
      programs: [...new Set(commandsOf(container).flatMap((command) => started(command, pod, objects)))].sort(),
    })),
  );
}

function commandsOf(container: Manifest): string[][] {
  const { command, args = [], livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.preStop, lifecycle?.postStart];
  return [
    // Without a command, the entry point of the image gets the arguments.
    command ? [...command, ...args] : ['docker-entrypoint.sh', ...args],
    ...handlers.flatMap((handler) => (handler?.exec ? [handler.exec.command] : [])),
  ];
}

function started([program, ...args]: string[], pod: Pod, objects: Manifest[]): string[] {
  if (!/^(ba)?sh$/.test(program)) return [program];
  const [first, text, , ...handed] = args;
  if (!/^-\w*c$/.test(first)) return [program, ...programsOfShell(scriptOf(first, pod, objects))];
  return [program, ...programsOfShell(text), ...(text.includes('"$@"') ? handed.slice(0, 1) : [])];
}

/** The text of one of our scripts, from its ConfigMap. */
function scriptOf(path: string, { namespace }: Pod, objects: Manifest[]): string {
  const file = path.split('/').pop()!;
  const found = objects.find(
    ({ kind, metadata, data }) => kind === 'ConfigMap' && metadata.namespace === namespace && data?.[file],
  );
  if (!found) throw new Error(`${path}: no ConfigMap in the namespace ${namespace} has ${file}; expected one`);
  return found.data[file];
}

/** The contents of an image, for any tag and any registry. */
export function contentsOf(image: string): ImageContents | undefined {
  const path = image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return IMAGE_CONTENTS.find((each) => `/${path}`.endsWith(each.image.slice(each.image.indexOf('/'))));
}

export function programs(objects: Manifest[]): string {
  const uses = programUses(objects);
  const usedIn = (contents: ImageContents) =>
    new Set(uses.filter(({ image }) => contentsOf(image) === contents).flatMap((use) => use.programs));
  return lines(
    table(
      ['image', 'base', 'programs that our containers start'],
      IMAGE_CONTENTS.map((contents) => [code(contents.image), contents.base, list([...usedIn(contents)].sort())]),
    ),
    table(
      ['container', 'programs'],
      uses.map((use) => [use.at, list(use.programs)]),
    ),
  );
}
