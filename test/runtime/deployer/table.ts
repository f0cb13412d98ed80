import { type Given, seen } from './seen';
import { decide, type Decision } from '../../../runtime/deployer/decide';
import type { State } from '../../../runtime/deployer/state';

/** A decision in one line, for the tables of the tests. */
function brief(decision: Decision): string {
  switch (decision.do) {
    case 'nothing':
      return `nothing: ${decision.notice.code}${decision.notice.level === 'warn' ? '!' : ''}`;
    case 'look':
      return `look ${decision.version}`;
    case 'clear':
      return `clear ${decision.version} ${decision.tags.join(' ')}`;
    case 'tag':
      return `tag ${tags(decision.tags)}`;
    case 'apply': {
      const { version, phase, good, failed } = decision.state;
      const parts = [
        `apply ${version} ${phase}`,
        ...(good ? [`good ${good.version}`] : []),
        ...(failed
          ? [`failed ${failed.version} (${failed.reason}${failed.tried ? `, ${failed.tried.times}x` : ''})`]
          : []),
        ...(decision.state.tags ? [`tags ${tags(decision.state.tags)}`] : []),
      ];
      return parts.join(', ');
    }
  }
}
const tags = (all: NonNullable<State['tags']>) =>
  Object.entries(all)
    .map(([version, { outcome }]) => `${version}=${outcome}`)
    .join(' ');

export type Row = [situation: string, seen: Given, decision: string];
export const table = (name: string, rows: Row[]) =>
  describe(name, () =>
    test.each(rows)('%s', (_, given, decision) => expect(brief(decide(seen(given)))).toBe(decision)),
  );
