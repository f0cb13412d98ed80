import { Command, Option } from 'commander';
import { examine } from './checks';
import { ClusterOptions, connect } from './cluster';
import { ProbeOptions } from './probe';
import { readSnapshot } from './read';
import { inJson, inWords } from './report';

const [FOUND, NOT_EXAMINED] = [1, 2];

type Options = ClusterOptions & ProbeOptions & { readonly format: string };

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'examine a running platform, and print what is wrong and what to do. It changes nothing, except with --write. ' +
        'Exit code 0: nothing is wrong; 1: findings; 2: the platform could not be examined',
    )
    .option('-n, --namespace <namespace>', 'namespace of the platform; default: that of the context')
    .option('--context <context>', "context of kubectl's configuration")
    .option('--kubeconfig <file>', 'file in place of KUBECONFIG and ~/.kube/config')
    .option('--login', 'log in with the user of a Secret of the platform, and compare the aliases of the registry')
    .option('--write', 'log a run with an artifact, read both, and delete them; includes --login')
    .addOption(
      new Option('-f, --format <format>', 'sentences, or a JSON object').choices(['text', 'json']).default('text'),
    )
    .action(async (options: Options) => {
      try {
        const cluster = await connect(options);
        const snapshot = await readSnapshot(cluster, { ...options, login: options.login || options.write });
        const causes = examine(snapshot);
        console.log(options.format === 'json' ? inJson(snapshot, causes) : inWords(snapshot, causes));
        if (causes.length > 0) process.exitCode = FOUND;
      } catch (error) {
        console.error(`cdk8s-mlflow: ${(error as Error).message}`);
        process.exitCode = NOT_EXAMINED;
      }
    });
}
