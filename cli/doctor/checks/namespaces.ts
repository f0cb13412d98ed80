import { Finding } from '../finding';
import { all, Snapshot } from '../snapshot';

/** Namespaces of the platform that are being deleted. */
export function namespaceFindings(snapshot: Snapshot): Finding[] {
  const names = new Set(all(snapshot, 'Deployment', 'StatefulSet', 'Job').map(({ metadata }) => metadata.namespace));
  names.add(snapshot.namespace);
  return all(snapshot, 'Namespace')
    .filter(
      ({ metadata, status }) =>
        names.has(metadata.name) && (metadata.deletionTimestamp || status?.phase === 'Terminating'),
    )
    .map(({ metadata: { name } }) => ({
      check: 'namespace-terminating',
      severity: 'error',
      object: `namespace/${name}`,
      namespace: name,
      parts: [],
      says: `The namespace ${name} is being deleted, and everything in it.`,
      todo: 'This cannot be undone. Restore the platform from a backup: docs/how-to/backup-and-restore.md.',
    }));
}
