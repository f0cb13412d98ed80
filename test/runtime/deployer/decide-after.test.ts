import { deployment, gone, iso, rollouts, seen, start, target, there, v, wanted } from './seen';
import { table } from './table';
import { decide } from '../../../runtime/deployer/decide';

const unset = { is: 'unset' as const };
const unregistered = { is: 'unregistered' as const };
const minutes = (n: number) => start + n * 60_000;

const rolling4 = { phase: 'rolling' as const, good: v(3) };
const reason = '0 of 3 pods of this version came up, and no more within 600 s';
const failed4 = { ...v(4), reason };

const under = { wanted: wanted(4), versions: [there(4)] };
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
    'nothing: AliasMissing-unregistered!',
  ],
  [
    'makes room for the next',
    { wanted: wanted(5), versions: [there(5)], deployment: deployment(3, after) },
    'apply 5 rolling, good 3',
  ],
]);

const tried = (times: number) => ({ failed: { ...failed4, tried: { times, at: iso(start) } } });
table('a version that failed by what may pass', [
  ['waits', { ...under, now: minutes(9), deployment: deployment(3, tried(1)) }, 'nothing: FailedBefore-4'],
  [
    'is tried again after ten minutes',
    { ...under, now: minutes(10), deployment: deployment(3, tried(1)) },
    `apply 4 rolling, good 3, failed 4 (${reason}, 1x)`,
  ],
  [
    'and what its pods said before is taken off it first',
    {
      wanted: wanted(4),
      versions: [there(4, { waiting: 'x' })],
      now: minutes(10),
      deployment: deployment(3, tried(1)),
    },
    'clear 4 waiting',
  ],
  [
    'is tried later each time',
    { ...under, now: minutes(39), deployment: deployment(3, tried(3)) },
    'nothing: FailedBefore-4',
  ],
  [
    'and then',
    { ...under, now: minutes(40), deployment: deployment(3, tried(3)) },
    `apply 4 rolling, good 3, failed 4 (${reason}, 3x)`,
  ],
  [
    'not while the version before is still on its way back',
    { ...under, now: minutes(9), deployment: deployment(3, { ...back, ...tried(1) }, rollouts.underWay) },
    'nothing: FailedBefore-4',
  ],
  [
    'is given up after five times',
    { ...under, now: minutes(6000), deployment: deployment(3, tried(5)) },
    'nothing: FailedBefore-4',
  ],
  [
    'is under way again',
    { ...under, deployment: deployment(4, { ...rolling4, ...tried(1) }, rollouts.underWay) },
    'nothing: Rolling-4',
  ],
  [
    'comes up, and all is forgotten',
    { ...under, deployment: deployment(4, { ...rolling4, ...tried(2) }) },
    'apply 4 serving, good 4, tags 3=replaced 4=serving',
  ],
  [
    'fails again by what may pass',
    {
      ...{ wanted: wanted(4), versions: [there(4, { waiting: 'x' })], now: minutes(10) },
      deployment: deployment(4, { ...rolling4, ...tried(2) }, rollouts.late),
    },
    `apply 3 rolling, good 3, failed 4 (${reason}; a pod says: x, 3x), tags 4=failed: ${reason}; a pod says: x`,
  ],
  [
    'fails again for good',
    {
      ...{ wanted: wanted(4), versions: [there(4, { error: 'broken' })], now: minutes(10) },
      deployment: deployment(4, { ...rolling4, ...tried(2) }, rollouts.underWay),
    },
    'apply 3 rolling, good 3, failed 4 (broken), tags 4=failed: broken',
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
  ['alias', { wanted: unset, versions: [there(3)], deployment: deployment(3, {}) }, 'nothing: AliasMissing-unset!'],
  ['version', { wanted: unset, versions: [gone(3)], deployment: deployment(3, {}) }, 'nothing: VersionGone-3!'],
  ['model', { wanted: unregistered, deployment: deployment(3, {}) }, 'nothing: AliasMissing-unregistered!'],
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

test('messages name model, alias, version and what happens next', () => {
  const notice = (given: Parameters<typeof seen>[0]) => {
    const decision = decide(seen(given));
    return decision.do === 'nothing' ? decision.notice.text : decision.do === 'apply' && decision.news?.event.note;
  };
  expect(notice({ wanted: unset, deployment: deployment() })).toBe(
    'no version yet: alias "champion" of "churn" is not set',
  );
  expect(notice({ wanted: unset, deployment: deployment(3, {}), versions: [there(3)] })).toBe(
    'alias "champion" of "churn" is no longer set; version 3 keeps serving',
  );
  const staged = { ...target, alias: undefined, stage: 'Production' };
  expect(notice({ ...under, target: staged, deployment: deployment(3, after) })).toBe(
    `version 4, stage "Production" of "churn", failed (${reason}) and is not tried again until the stage moves; ` +
      'version 3 keeps serving',
  );
  expect(notice({ ...under, now: minutes(10), deployment: deployment(4, rolling4, rollouts.late) })).toBe(
    `version 4, alias "champion" of "churn", failed: ${reason}; rolling back to version 3`,
  );
});

test('a reason of any length is shortened to the size of a tag', () => {
  const error = 'x'.repeat(100_000);
  const decision = decide(
    seen({ ...under, versions: [there(4, { error })], deployment: deployment(4, rolling4, rollouts.underWay) }),
  );
  expect(decision.do === 'apply' && decision.state.tags![4].outcome.length).toBeLessThan(1_100);
});
