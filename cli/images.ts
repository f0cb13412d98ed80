import { readFileSync, readdirSync, statSync } from 'fs';
import { join } from 'path';
import { Command, Option } from 'commander';
import { LineCounter, parseAllDocuments } from 'yaml';
import { withPath } from './file-errors';

/** Fields that hold names and texts of the user's, in which a key `image` means something else. */
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
    .description('print every image that synthesized YAML names, each once, sorted: for a mirror in a closed network')
    .argument('[folder]', 'what `cdk8s synth` wrote: a folder, or one file', 'dist')
    .addOption(
      new Option('-f, --format <format>', 'a line an image, or a JSON array').choices(['text', 'json']).default('text'),
    )
    .action((folder: string, { format }: { format: string }) => {
      const images = imagesOf(folder);
      if (images.length === 0) throw new Error(`${folder}: no object names an image; expected ${SYNTHESIZED}`);
      console.log(format === 'json' ? JSON.stringify(images, null, 2) : images.join('\n'));
    });
}

/**
 * Every image that the YAML files of a folder and the folders in it name, each once, sorted.
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
      // An alias without its anchor is noticed here, where no line is known but the document's first.
      const { line } = lineCounter.linePos(document.range[0]);
      throw new Error(`${file}: the document at line ${line}: ${(cause as Error).message}; expected YAML`, { cause });
    }
  });
}

/**
 * Finds the images of one object by the fields' names, so that kinds count of which nothing is known here: `image` of a
 * container, `image.reference` of a volume, `imageName` of a CloudNativePG Cluster.
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
