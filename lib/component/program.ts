import { createHash } from 'crypto';
import { existsSync, readFileSync } from 'fs';
import { dirname, join } from 'path';
import { Volume } from '../kubernetes/manifest';

/** Where programs of ours are mounted in a container. */
export const PROGRAMS = '/opt/cdk8s-mlflow';

/** Variables of every program in MLflow's image. */
export const MLFLOW_PROGRAM = {
  HOME: '/tmp',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONUNBUFFERED: '1',
  MLFLOW_DISABLE_TELEMETRY: 'true',
};

const texts = new Map<string, string>();

/** The text of a program of ours, from runtime/ as bundled into build/runtime/. @internal for tests */
export function program(file: string): string {
  let text = texts.get(file);
  if (text === undefined) {
    text = readFileSync(join(packageRoot(), 'build', 'runtime', file), 'utf8');
    texts.set(file, text);
  }
  return text;
}

export function programs(...files: string[]): Record<string, string> {
  return Object.fromEntries(files.map((file) => [file, program(file)]));
}

/** A hash for a pod template, so that a changed ConfigMap triggers a rollout. */
export function contentHash(data: Record<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(data).sort()))
    .digest('hex')
    .slice(0, 16);
}

/**
 * Adds a file with a revision, which the Job also has in MOUNTED_REVISION. Its program compares the two, because the kubelet
 * may still mount the previous content of the ConfigMap.
 */
export function withRevision(data: Record<string, string>): Record<string, string> {
  return { ...data, revision: contentHash(data) };
}

/**
 * With a key by which the kubelet waits for the ConfigMap of this release: it may still mount what was there before, which
 * lacks that key. For ConfigMaps that one release's pods mount.
 */
export function withRevisionKey(data: Record<string, string>): Record<string, string> {
  return { ...data, [`revision-${contentHash(data)}`]: '' };
}

/** The volume of all files of such a ConfigMap. */
export function programVolume(configMapName: string, data: Record<string, string>): Volume {
  const items = Object.keys(data).map((key) => ({ key, path: key }));
  return { name: 'program', configMap: { name: configMapName, items } };
}

let root: string | undefined;

/** The package's own folder, whether this file runs as lib/, compiled under build/lib/, or bundled. */
function packageRoot(): string {
  for (let folder = __dirname; root === undefined; folder = dirname(folder)) {
    if (existsSync(join(folder, 'build', 'runtime')) && existsSync(join(folder, 'package.json'))) {
      root = folder;
    } else if (folder === dirname(folder)) {
      throw new Error(
        `cdk8s-mlflow: no folder above ${__dirname} has build/runtime/; expected the installed package: an app that ` +
          "is bundled leaves it out ('--external:cdk8s-mlflow' of esbuild), and a checkout makes it by 'npm ci'",
      );
    }
  }
  return root;
}
