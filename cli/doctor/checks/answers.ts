import { Finding } from '../finding';
import { partOf } from '../part';
import { find, Probe, Snapshot } from '../snapshot';
import { templateOf } from '../workload';

/** What the running server answers: without a login, with one, and to a run. */
export function answerFindings(snapshot: Snapshot): Finding[] {
  return snapshot.probes.flatMap((probe) => ofProbe(snapshot, probe));
}

function ofProbe(snapshot: Snapshot, probe: Probe): Finding[] {
  const { namespace, server, anonymous, login, write } = probe;
  const deployment = find(snapshot, 'Deployment', namespace, server);
  const about = {
    object: `deployment/${server}`,
    namespace,
    parts: [deployment ? partOf(deployment) : { namespace, instance: '', role: 'server' }],
    severity: 'error' as const,
  };
  const log = `kubectl logs -n ${namespace} deployment/${server} --all-containers --tail=50`;
  if (anonymous.status === undefined) return []; // read.ts says that it could not be asked
  if (anonymous.status < 300 && asksForLogin(deployment)) {
    return [
      {
        ...about,
        check: 'no-login',
        says: `${about.object} answers ${anonymous.status} to a request without a login: every client that reaches it may read and delete everything.`,
        todo: 'Apply the YAML of the platform again and restart the server: its proxy does not have the configuration that checks logins.',
      },
    ];
  }
  if (anonymous.status >= 500) {
    return [
      {
        ...about,
        check: 'server-error',
        symptom: true,
        says: `${about.object} answers ${anonymous.status} to a request.`,
        todo: `Its log: ${log}`,
      },
    ];
  }
  if (login && login.answer.status !== 200) {
    const { status, error } = login.answer;
    const refused = status === 401 || status === 403;
    return [
      {
        ...about,
        check: 'login-refused',
        symptom: !refused,
        says: refused
          ? `${about.object} refuses the user of the Secret ${login.secret} with ${status}.`
          : `${about.object} answers ${status ?? error} to the user of the Secret ${login.secret}.`,
        todo: refused
          ? `Its password and its entry for nginx differ, or the Secret was changed less than a minute ago: docs/how-to/rotate-a-password.md.`
          : `Its log: ${log}`,
      },
    ];
  }
  if (write?.failed) {
    return [
      {
        ...about,
        check: 'write',
        symptom: true,
        says: `A run could not be logged and read back: ${write.failed}.`,
        todo: `Its log: ${log}`,
      },
    ];
  }
  return [];
}

/** Whether the pod of a server has what checks logins. `Authentication.none()` has nothing of it. */
function asksForLogin(deployment: any): boolean {
  if (!deployment) return false;
  const { volumes = [], containers = [], initContainers = [] } = templateOf(deployment).spec;
  const users = volumes.some(({ secret }: any) => secret?.items?.some(({ key }: any) => key === 'auth'));
  const names = [...initContainers, ...containers].map(({ name }: any) => name);
  const args = containers.flatMap(({ args: given = [] }: any) => given).join(' ');
  return users || names.some((name: string) => /oauth2/.test(name)) || /--app-name/.test(args);
}
