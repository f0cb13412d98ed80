import { deployment, gone, iso, rollouts, seen, start, target, there, v, wanted } from './seen';
import { decide, type Decision } from '../../../runtime/deployer/decide';
import type { State } from '../../../runtime/deployer/state';

const unset = { is: 'unset' as const };
const unregistered = { is: 'unregistered' as const };
const minutes = (n: number) => start + n * 60_000;

/** A decision in a line: what a table can be read by. */
function brief(decision: Decision): string {
  switch (decision.do) {
    case 'nothing':
      return `nothing: ${decision.notice.code}${decision.notice.level === 'warn' ? '!' : ''}`;
    case 'look':
    case 'clear':
      return `${decision.do} ${decision.version}`;
    case 'tag':
      return `tag ${tags(decision.tags)}`;
    case 'apply': {
      const { version, phase, good, failed } = decision.state;
      const parts = [
        `apply ${version} ${phase}`,
        ...(good ? [`good ${good.version}`] : []),
        ...(failed ? [`failed ${failed.version} (${failed.reason})`] : []),
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

type Row = [situation: string, seen: Parameters<typeof seen>[0], decision: string];
const table = (name: string, rows: Row[]) =>
  describe(name, () =>
    test.each(rows)('%s', (_, given, decision) => expect(brief(decide(seen(given)))).toBe(decision)),
  );

const rolling4 = { phase: 'rolling' as const, good: v(3) };
const reason = '0 of 3 pods of this version came up, and no more within 600 s';
const failed4 = { ...v(4), reason };

table('nothing is touched', [
  ['while the registry does not answer', { deployment: deployment(3, {}) }, 'nothing: Unknown'],
  ['while the API server does not answer', { wanted: wanted(4) }, 'nothing: Unknown'],
  ['where there is no Deployment', { wanted: wanted(4), deployment: 'absent' }, 'nothing: NoDeployment'],
  ...(['leaving', 'paused'] as const).map((off): Row => {
    const hands = { off, why: '' };
    return [
      `that is ${off}`,
      { wanted: wanted(4), deployment: { ...deployment(3, {}), hands } },
      `nothing: HandsOff-${off}`,
    ];
  }),
  [
    'that has no such container, which is an error to tell',
    { wanted: wanted(4), deployment: { ...deployment(3), hands: { off: 'shapeless', why: '' } } },
    'nothing: HandsOff-shapeless!',
  ],
]);

table('the first version', [
  ['no model yet', { wanted: unregistered, deployment: deployment() }, 'nothing: Waiting-unregistered'],
  ['no alias yet', { wanted: unset, deployment: deployment() }, 'nothing: Waiting-unset'],
  ['an alias', { wanted: wanted(1), deployment: deployment() }, 'look 1'],
  ['found', { wanted: wanted(1), deployment: deployment(), versions: [there(1)] }, 'apply 1 rolling'],
  [
    'comes up',
    { wanted: wanted(1), deployment: deployment(1, { phase: 'rolling', good: undefined }) },
    'apply 1 serving, good 1, tags 1=serving',
  ],
  [
    'fails: with nothing to go back to it stays, for people to look at',
    {
      ...{ wanted: wanted(1), versions: [there(1, { error: 'needs Python 3.12' })] },
      deployment: deployment(1, { phase: 'rolling', good: undefined }, rollouts.underWay),
    },
    'apply 1 failed, failed 1 (needs Python 3.12), tags 1=failed: needs Python 3.12',
  ],
  [
    'that failed is not tried again',
    {
      ...{ wanted: wanted(1), versions: [there(1)], now: minutes(99) },
      deployment: deployment(1, { phase: 'failed', good: undefined, failed: { ...v(1), reason } }, rollouts.late),
    },
    'nothing: FailedBefore-1',
  ],
  [
    'that failed but comes up later is fine',
    {
      ...{ wanted: wanted(1), versions: [there(1)] },
      deployment: deployment(1, { phase: 'failed', good: undefined, failed: { ...v(1), reason } }),
    },
    'apply 1 serving, good 1, tags 1=serving',
  ],
  [
    'that was set by hand shows itself first',
    { wanted: wanted(3), versions: [there(3)], deployment: deployment(3) },
    'apply 3 rolling',
  ],
  [
    'that was set by hand is what to go back to when it is up',
    { wanted: wanted(4), versions: [there(4)], deployment: deployment(3) },
    'apply 4 rolling, good 3',
  ],
  [
    'that was set by hand and is not up is not',
    { wanted: wanted(4), versions: [there(4)], deployment: deployment(3, undefined, rollouts.underWay) },
    'apply 4 rolling',
  ],
]);

table('an alias that moves', [
  ['nothing new', { wanted: wanted(3), deployment: deployment(3, {}) }, 'nothing: Serving-3'],
  ['is looked up', { wanted: wanted(4), deployment: deployment(3, {}) }, 'look 4'],
  ['rolls out', { wanted: wanted(4), versions: [there(4)], deployment: deployment(3, {}) }, 'apply 4 rolling, good 3'],
  [
    'to a version just deleted',
    { wanted: wanted(4), versions: [gone(4)], deployment: deployment(3, {}) },
    'nothing: WantedGone-4',
  ],
  [
    'to a version that is still being registered',
    { wanted: wanted(4), versions: [there(4, { status: 'PENDING_REGISTRATION' })], deployment: deployment(3, {}) },
    'nothing: NotReady-4',
  ],
  [
    'to a version with an error of an earlier attempt',
    { wanted: wanted(4), versions: [there(4, { error: 'broken' })], deployment: deployment(3, {}) },
    'clear 4',
  ],
  [
    'on while the first move is under way: what was up stays what to go back to',
    { wanted: wanted(5), versions: [there(5)], deployment: deployment(4, rolling4, rollouts.underWay) },
    'apply 5 rolling, good 3',
  ],
  [
    'back while the move is under way',
    { wanted: wanted(3), versions: [there(3)], deployment: deployment(4, rolling4, rollouts.underWay) },
    'apply 3 rolling, good 3',
  ],
  [
    'and tags not yet delivered are kept',
    {
      ...{ wanted: wanted(4), versions: [there(4)] },
      deployment: deployment(3, { tags: { 2: { outcome: 'replaced', at: iso(start) } } }),
    },
    'apply 4 rolling, good 3, tags 2=replaced',
  ],
  [
    'to the same number of a model made anew',
    {
      ...{ wanted: { ...wanted(3), created: 77 }, versions: [there(3, { created: 77 })] },
      deployment: deployment(3, {}),
    },
    'apply 3 rolling, good 3',
  ],
  [
    'is not what a list without times shows',
    { wanted: { is: 'version', version: '3' }, deployment: deployment(3, {}) },
    'nothing: Serving-3',
  ],
]);

const under = { wanted: wanted(4), versions: [there(4)] };
table('a rollout', [
  [
    'not seen by Kubernetes yet',
    { ...under, deployment: deployment(4, rolling4, rollouts.unseen) },
    'nothing: Rolling-4',
  ],
  ['under way', { ...under, deployment: deployment(4, rolling4, rollouts.underWay) }, 'nothing: Rolling-4'],
  ['asks for the error tag', { wanted: wanted(4), deployment: deployment(4, rolling4, rollouts.underWay) }, 'look 4'],
  ['of no pods', { ...under, deployment: deployment(4, rolling4, rollouts.none) }, 'nothing: NoPods'],
  [
    'with old pods left',
    { ...under, deployment: deployment(4, rolling4, { ...rollouts.whole, total: 4 }) },
    'nothing: Rolling-4',
  ],
  [
    'with new pods that are not available',
    { ...under, deployment: deployment(4, rolling4, { ...rollouts.whole, available: 2 }) },
    'nothing: Rolling-4',
  ],
  ['done', { ...under, deployment: deployment(4, rolling4) }, 'apply 4 serving, good 4, tags 3=replaced 4=serving'],
  [
    'done late is done',
    { ...under, now: minutes(60), deployment: deployment(4, rolling4, { ...rollouts.whole, timedOut: true }) },
    'apply 4 serving, good 4, tags 3=replaced 4=serving',
  ],
  [
    'timed out: back, with the reason',
    { ...under, now: minutes(10), deployment: deployment(4, rolling4, rollouts.late) },
    `apply 3 rolling, good 3, failed 4 (${reason}), tags 4=failed: ${reason}`,
  ],
  [
    'with the time-out of the rollout before still written on it',
    { ...under, now: minutes(9), deployment: deployment(4, rolling4, rollouts.late) },
    'nothing: Rolling-4',
  ],
  [
    'of which Kubernetes never says that it timed out (pods of before)',
    { ...under, now: minutes(11), deployment: deployment(4, rolling4, rollouts.underWay) },
    `apply 3 rolling, good 3, failed 4 (${reason}), tags 4=failed: ${reason}`,
  ],
  [
    'that moves on, slowly',
    {
      ...under,
      now: minutes(11),
      deployment: deployment(4, rolling4, { ...rollouts.underWay, progressAt: minutes(5) }),
    },
    'nothing: Rolling-4',
  ],
  [
    'timed out while the registry was away: nobody is blamed yet',
    { ...under, now: minutes(30), registrySince: minutes(29), deployment: deployment(4, rolling4, rollouts.late) },
    'nothing: Rolling-4',
  ],
  [
    'whose pod says that it cannot work',
    {
      ...{ wanted: wanted(4), versions: [there(4, { error: 'no module xgboost' })] },
      deployment: deployment(4, rolling4, rollouts.underWay),
    },
    'apply 3 rolling, good 3, failed 4 (no module xgboost), tags 4=failed: no module xgboost',
  ],
  [
    'goes on without its alias',
    { wanted: unset, versions: [there(4)], deployment: deployment(4, rolling4) },
    'apply 4 serving, good 4, tags 3=replaced 4=serving',
  ],
  [
    'whose version was deleted meanwhile',
    { wanted: unset, versions: [gone(4)], deployment: deployment(4, rolling4, rollouts.underWay) },
    'nothing: Rolling-4',
  ],
]);

const back = { phase: 'rolling' as const, good: v(3), failed: failed4 };
table('going back', [
  ['under way', { ...under, deployment: deployment(3, back, rollouts.underWay) }, 'nothing: FailedBefore-4'],
  ['done', { ...under, deployment: deployment(3, back) }, `apply 3 serving, good 3, failed 4 (${reason})`],
  [
    'does not mind an old error tag',
    { ...under, versions: [there(4), there(3, { error: 'old' })], deployment: deployment(3, back, rollouts.underWay) },
    'nothing: FailedBefore-4',
  ],
  [
    'fails as well: nothing is left but to say so',
    { ...under, now: minutes(10), deployment: deployment(3, back, rollouts.late) },
    `apply 3 failed, good 3, failed 4 (${reason})`,
  ],
  [
    'works in the end',
    { ...under, deployment: deployment(3, { ...back, phase: 'failed' }) },
    `apply 3 serving, good 3, failed 4 (${reason})`,
  ],
]);

const after = { failed: failed4 };
table('a version that failed', [
  [
    'is looked up: it may be another by now',
    { wanted: { is: 'version', version: '4' }, deployment: deployment(3, after) },
    'look 4',
  ],
  ['is not tried again', { ...under, now: minutes(600), deployment: deployment(3, after) }, 'nothing: FailedBefore-4'],
  [
    'is tried again when it is another of the same number',
    { wanted: wanted(4), versions: [there(4, { created: 99 })], deployment: deployment(3, after) },
    'apply 4 rolling, good 3',
  ],
  [
    'is forgotten when the alias moves to what serves',
    { wanted: wanted(3), deployment: deployment(3, after) },
    'apply 3 serving, good 3',
  ],
  [
    'is forgotten when the alias is deleted',
    { wanted: unset, deployment: deployment(3, after) },
    'apply 3 serving, good 3',
  ],
  [
    'is not forgotten when the model is away',
    { wanted: unregistered, deployment: deployment(3, after) },
    'nothing: Lost-unregistered!',
  ],
  [
    'makes room for the next',
    { wanted: wanted(5), versions: [there(5)], deployment: deployment(3, after) },
    'apply 5 rolling, good 3',
  ],
]);

const tagged = { tags: { 4: { outcome: 'serving', at: iso(start) }, 3: { outcome: 'replaced', at: iso(start) } } };
table('tags', [
  ['are delivered', { wanted: wanted(4), deployment: deployment(4, tagged) }, 'tag 3=replaced 4=serving'],
  [
    'wait while a rollout has to be judged',
    { wanted: wanted(4), deployment: deployment(4, { ...tagged, ...rolling4 }, rollouts.underWay) },
    'look 4',
  ],
  [
    'do not wait for its end',
    { ...under, deployment: deployment(4, { ...tagged, ...rolling4 }, rollouts.underWay) },
    'tag 3=replaced 4=serving',
  ],
]);

table('what is lost goes on serving', [
  ['alias: is the version there?', { wanted: unset, deployment: deployment(3, {}) }, 'look 3'],
  ['alias', { wanted: unset, versions: [there(3)], deployment: deployment(3, {}) }, 'nothing: Lost-unset!'],
  ['version', { wanted: unset, versions: [gone(3)], deployment: deployment(3, {}) }, 'nothing: VersionGone-3!'],
  ['model', { wanted: unregistered, deployment: deployment(3, {}) }, 'nothing: Lost-unregistered!'],
]);

table('somebody else', [
  [
    'changed the version: ours is set again',
    { wanted: wanted(3), deployment: { ...deployment(3, {}), template: v(2) } },
    'apply 3 rolling, good 3',
  ],
  [
    'removed the version: ours is set again',
    { wanted: wanted(3), deployment: { ...deployment(3, {}), template: undefined } },
    'apply 3 rolling, good 3',
  ],
  [
    'put back one that failed (kubectl rollout undo)',
    { ...under, deployment: { ...deployment(3, after), template: v(4) } },
    `apply 3 rolling, good 3, failed 4 (${reason})`,
  ],
  [
    'set a version where none worked: they know better',
    {
      ...{ wanted: wanted(1), versions: [there(1)] },
      deployment: {
        ...deployment(1, { phase: 'failed', good: undefined, failed: { ...v(1), reason } }),
        template: v(2),
      },
    },
    `apply 2 rolling, failed 1 (${reason})`,
  ],
  [
    'removed a version that failed',
    {
      ...{ wanted: wanted(1), versions: [there(1)] },
      deployment: {
        ...deployment(1, { phase: 'failed', good: undefined, failed: { ...v(1), reason } }),
        template: undefined,
      },
    },
    'nothing: FailedBefore-1',
  ],
]);

test('what is said names model, alias, version and what happens next', () => {
  const notice = (given: Parameters<typeof seen>[0]) => {
    const decision = decide(seen(given));
    return decision.do === 'nothing' ? decision.notice.text : decision.do === 'apply' && decision.news?.event.note;
  };
  expect(notice({ wanted: unset, deployment: deployment() })).toBe(
    'no version yet: alias "champion" of "churn" is not set',
  );
  expect(notice({ wanted: unset, deployment: deployment(3, {}), versions: [there(3)] })).toBe(
    'alias "champion" of "churn" is no longer set; version 3 goes on serving',
  );
  const staged = { ...target, alias: undefined, stage: 'Production' };
  expect(notice({ ...under, target: staged, deployment: deployment(3, after) })).toBe(
    `version 4, stage "Production" of "churn", failed (${reason}) and is not tried again until the stage moves; ` +
      'version 3 goes on serving',
  );
  expect(notice({ ...under, now: minutes(10), deployment: deployment(4, rolling4, rollouts.late) })).toBe(
    `version 4, alias "champion" of "churn", failed: ${reason}; going back to version 3`,
  );
});

test('a reason of any length fits a tag', () => {
  const error = 'x'.repeat(100_000);
  const decision = decide(
    seen({ ...under, versions: [there(4, { error })], deployment: deployment(4, rolling4, rollouts.underWay) }),
  );
  expect(decision.do === 'apply' && decision.state.tags![4].outcome.length).toBeLessThan(1_100);
});
