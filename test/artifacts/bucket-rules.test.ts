import { bucketRule } from '../../lib/artifacts/bucket-rules';

test.each(['mlflow', 'abc', 'team-a.models', '0models9', 'a'.repeat(63), '1.2.3', 'models-2'])(
  'accepts the bucket name %p',
  (bucket) => {
    expect(bucketRule(bucket).wrong).toBe(false);
  },
);

test.each([
  ['nothing', ''],
  ['2 letters', 'ab'],
  ['64 letters', 'a'.repeat(64)],
  ['upper case', 'Models'],
  ['an underscore', 'my_models'],
  ['a space', 'my models'],
  ['a slash', 'models/a'],
  ['a scheme', 's3://models'],
  ["'-' first", '-models'],
  ["'-' last", 'models-'],
  ["'.' first", '.models'],
  ["'.' last", 'models.'],
  ['two dots', 'my..models'],
  ['an address', '192.168.5.4'],
  ['a reserved start', 'xn--models'],
  ['a reserved start', 'sthree-models'],
  ['a reserved start', 'amzn-s3-demo-models'],
  ['a reserved end', 'models-s3alias'],
  ['a reserved end', 'models--ol-s3'],
  ['a reserved end', 'models.mrap'],
  ['a reserved end', 'models--x-s3'],
  ['a reserved end', 'models--table-s3'],
  ['a line feed at the end', 'models\n'],
])('refuses a bucket name with %s: %p', (_, bucket) => {
  expect(bucketRule(bucket)).toMatchObject({ wrong: true, given: `bucket is '${bucket}'` });
});
