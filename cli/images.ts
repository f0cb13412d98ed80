import { readFileSync, readdirSync, statSync } from 'fs';
import { join } from 'path';
import { Command, Option } from 'commander';
import { LineCounter, parseAllDocuments } from 'yaml';
import { withPath } from './file-errors';

/** Fields with keys and texts of the user, in which a key `image` is no image. */
const NOT_SEARCHED = new Set([
  'metadata',
  'data',
  'stringData',
  'binaryData',
  'matchLabels',
  'selector',
  'nodeSelector',
]);

export function imagesCommand(): Command {
  return new Command('images')
    .description('print the images of synthesized YAML, each once and sorted, e.g. to copy them to a private registry')
    .argument('[folder]', 'folder or file that `cdk8s synth` wrote', 'dist')
    .addOption(
      new Option('-f, --format <format>', 'one image per line, or a JSON array')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action((folder: string, { format }: { format: string }) => {
      const images = imagesOf(folder);
      if (images.length === 0) throw new Error(`${folder}: no object names an image; expected ${SYNTHESIZED}`);
      console.log(format === 'json' ? JSON.stringify(images, null, 2) : images.join('\n'));
    });
}

/**
 * The images of all YAML files in a folder and its subfolders, each once and sorted.
 * @internal for tests
 */
export function imagesOf(folder: string): string[] {
  const files = yamlFiles(folder);
  if (files.length === 0) throw new Error(`${folder}: no .yaml or .yml file; expected ${SYNTHESIZED}`);
  const images = new Set<string>();
  for (const file of files) for (const object of objectsOf(file)) collect(object, images);
  return [...images].sort();
}

const SYNTHESIZED = "the YAML that 'npx cdk8s synth' writes, e.g. the folder dist";

function yamlFiles(path: string): string[] {
  const isFile = (name: string) => withPath(name, 'a file or a folder', () => statSync(name).isFile());
  if (withPath(path, SYNTHESIZED, () => statSync(path).isFile())) return [path];
  return withPath(path, SYNTHESIZED, () => readdirSync(path, { recursive: true, encoding: 'utf8' }))
    .map((name) => join(path, name))
    .filter((name) => /\.ya?ml$/.test(name) && isFile(name))
    .sort();
}

function objectsOf(file: string): unknown[] {
  const lineCounter = new LineCounter();
  const text = withPath(file, 'a file that you may read', () => readFileSync(file, 'utf8'));
  const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false });
  return [...documents].map((document) => {
    const [error] = document.errors;
    if (error) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      throw new Error(`${file}:${line}:${col}: ${error.message}; expected YAML`);
    }
    try {
      return document.toJS();
    } catch (cause) {
      // The parser reports an alias without its anchor only here, without a line: use the first line of the document.
      const { line } = lineCounter.linePos(document.range[0]);
      throw new Error(`${file}: the document at line ${line}: ${(cause as Error).message}; expected YAML`, { cause });
    }
  });
}

/**
 * Finds the images of one object by field names, so that it works for every kind: `image` of a container,
 * `image.reference` of a volume, `imageName` of a CloudNativePG Cluster.
 */
function collect(value: unknown, images: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    if (NOT_SEARCHED.has(key)) continue;
    const image = key === 'image' || key === 'imageName' ? (field?.reference ?? field) : undefined;
    if (typeof image === 'string') images.add(image);
    else collect(field, images);
  }
}
