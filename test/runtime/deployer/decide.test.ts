import { deployment, gone, iso, rollouts, start, there, v, wanted } from './seen';
import { type Row, table } from './table';

const unset = { is: 'unset' as const };
const unregistered = { is: 'unregistered' as const };
const minutes = (n: number) => start + n * 60_000;

const rolling4 = { phase: 'rolling' as const, good: v(3) };
const reason = '0 of 3 pods of this version came up, and no more within 600 s';

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
    'to a version whose pods waited in an earlier attempt',
    { wanted: wanted(4), versions: [there(4, { waiting: 'for an index' })], deployment: deployment(3, {}) },
    'clear 4 waiting',
  ],
  [
    'to a version with an error of an earlier attempt',
    { wanted: wanted(4), versions: [there(4, { error: 'broken' })], deployment: deployment(3, {}) },
    'clear 4 error',
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
    'timed out while the registry was away: no version is blamed yet',
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
    'whose first pod says that it cannot work, while others are starting: they may show that it is alone with that',
    {
      ...{
        wanted: wanted(4),
        versions: [there(4, { error: 'no module xgboost' })],
        errorSince: start,
        now: start + 59_000,
      },
      deployment: deployment(4, { phase: 'rolling', good: undefined }, { ...rollouts.whole, available: 0 }),
    },
    'nothing: Rolling-4',
  ],
  [
    'whose pods say that they cannot work, and none shows that it can',
    {
      ...{
        wanted: wanted(4),
        versions: [there(4, { error: 'no module xgboost' })],
        errorSince: start,
        now: minutes(1),
      },
      deployment: deployment(4, { phase: 'rolling', good: undefined }, { ...rollouts.whole, available: 0 }),
    },
    'apply 4 failed, failed 4 (no module xgboost), tags 4=failed: no module xgboost',
  ],
  [
    'of ten, one of which says that it cannot work, beside nine that do',
    {
      wanted: wanted(4),
      versions: [there(4, { error: 'no AVX here' })],
      deployment: deployment(4, rolling4, rollouts.nine),
    },
    'nothing: Rolling-4',
  ],
  [
    'of ten, nine of which are up in the end: the version is good, the tenth is the cluster’s to bring',
    {
      ...{ wanted: wanted(4), versions: [there(4, { error: 'no AVX here' })], now: minutes(11) },
      deployment: deployment(4, rolling4, rollouts.nine),
    },
    'apply 4 serving, good 4, tags 3=replaced 4=serving',
  ],
  [
    'of ten, five of which are up in the end: too few, and what a pod says is the cause',
    {
      ...{ wanted: wanted(4), versions: [there(4, { error: 'no AVX here' })], now: minutes(11) },
      deployment: deployment(4, rolling4, { ...rollouts.nine, updated: 6, available: 10 }),
    },
    'apply 3 rolling, good 3, failed 4 (5 of 10 pods of this version came up, and no more within 600 s; a pod says: ' +
      'no AVX here), tags 4=failed: 5 of 10 pods of this version came up, and no more within 600 s; a pod says: no AVX here',
  ],
  [
    'of which no pod can be made: nothing is known of the version',
    {
      ...{ ...under, now: minutes(60) },
      deployment: deployment(4, rolling4, { ...rollouts.late, updated: 0, total: 3, refused: 'exceeded quota' }),
    },
    'nothing: NoPodMade-4!',
  ],
  [
    'whose pods wait for what may pass, too long: back, to be tried again',
    {
      ...{ wanted: wanted(4), versions: [there(4, { waiting: 'the index is away' })], now: minutes(10) },
      deployment: deployment(4, rolling4, rollouts.late),
    },
    `apply 3 rolling, good 3, failed 4 (${reason}; a pod says: the index is away, 1x), ` +
      `tags 4=failed: ${reason}; a pod says: the index is away`,
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
