import { Command, Option } from 'commander';
import { SYNTHESIZED, objectsOf, yamlFiles } from './yaml-files';

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
  const images = new Set<string>();
  for (const file of yamlFiles(folder)) for (const object of objectsOf(file)) collect(object, images);
  return [...images].sort();
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
