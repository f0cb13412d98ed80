import { Command, Option } from 'commander';
import { Comparison, compare } from './compare';
import { objectsOf, yamlFiles } from '../yaml-files';

const [CHANGES, NEEDS_PERSON] = [0, 1];
const WRONG = 2;

export function diffCommand(): Command {
  return new Command('diff')
    .description(
      'compare two folders of synthesized YAML: what applying the new one restarts, runs, or needs a person for. ' +
        'Exit code 0: it can be applied as it is; 1: a person has to run commands first; 2: the folders cannot be read',
    )
    .argument('<old>', 'folder or file with the YAML that is applied')
    .argument('<new>', 'folder or file with the YAML to apply')
    .addOption(
      new Option('-f, --format <format>', 'sentences, or a JSON object').choices(['text', 'json']).default('text'),
    )
    .action((old: string, now: string, { format }: { format: string }) => {
      try {
        const [before, after] = [old, now].map((folder) => yamlFiles(folder).flatMap(objectsOf));
        const comparison = compare(before, after);
        console.log(format === 'json' ? JSON.stringify(comparison, null, 2) : inWords(comparison));
        process.exitCode = comparison.needsPerson.length > 0 ? NEEDS_PERSON : CHANGES;
      } catch (error) {
        console.error(`cdk8s-mlflow: ${(error as Error).message}`);
        process.exitCode = WRONG;
      }
    });
}

/** @internal for tests */
function inWords(comparison: Comparison): string {
  const { needsPerson, restarts, jobs, added, removed, changed } = comparison;
  const sections = [
    section(
      'Needs a person. Kubernetes refuses these changes: run each command, then apply',
      needsPerson.map(
        ({ object, fields, says, command }) => `${object}: ${fields.join(', ')}. ${says}\n    ${command}`,
      ),
    ),
    section(
      'Pods that restart',
      restarts.map(({ object, fields }) => `${object}: ${fields.join(', ')}`),
    ),
    section('Jobs that run', jobs),
    section('New', added),
    section('Removed. They stay in the cluster, unless they are pruned', removed),
    section(
      'Changed without a restart',
      changed.map(({ object, fields }) => `${object}: ${fields.join(', ')}`),
    ),
  ].filter(Boolean);
  return sections.length === 0 ? 'Nothing changes.' : sections.join('\n\n');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines.map((line) => `  ${line}`)].join('\n');
}
