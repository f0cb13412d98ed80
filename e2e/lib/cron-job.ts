import { Namespace } from './namespace';
import { run, until } from './process';

export interface EndedJob {
  readonly succeeded: boolean;
  readonly log: string;
  readonly seconds: number;
}

/** Starts a Job of a CronJob with the commands of the pages and these variables, waits for its end, and returns its log. */
export async function jobOf(
  namespace: Namespace,
  name: string,
  cronJob: string,
  settings: string[] = [],
): Promise<EndedJob> {
  const begun = Date.now();
  const at = `--namespace ${namespace.name}`;
  const create = `kubectl create job ${name} ${at} --from=cronjob/${cronJob}`;
  const command =
    settings.length === 0
      ? create
      : `${create} --dry-run=client -o yaml |
         kubectl set env --local -f - ${settings.join(' ')} -o yaml | kubectl apply ${at} -f -`;
  const started = run('sh', ['-c', command]);
  if (started.status !== 0) throw new Error(started.stderr);
  const ended = await until(`the end of the Job ${name}`, 900, () => {
    const { conditions = [] } = namespace.json('get', 'job', name).status ?? {};
    return conditions.find(({ type, status }: any) => /^(Complete|Failed)$/.test(type) && status === 'True');
  });
  const log = namespace.try(['logs', `job/${name}`, '--tail=-1']).stdout;
  const seconds = Math.round((Date.now() - begun) / 1000);
  process.stdout.write(`${name}: ${ended.type} after ${seconds} s\n${log}\n`);
  return { succeeded: ended.type === 'Complete', log, seconds };
}
