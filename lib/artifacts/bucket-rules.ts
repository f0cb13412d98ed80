import { Rule } from '../kubernetes/rules';

/** S3's rules for bucket names (Amazon S3 user guide, "General purpose bucket naming rules"). */
export function bucketRule(bucket: string): Rule {
  const right =
    /^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$/.test(bucket) &&
    !/\.\.|\.-|-\./.test(bucket) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(bucket) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(bucket) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(bucket);
  return {
    wrong: !right,
    given: `bucket is '${bucket}'`,
    want: "expected 3 to 63 lower-case letters, digits, '-' and '.', a letter or digit at both ends of each part, no address, none of S3's reserved beginnings and ends (xn--, -s3alias, …), e.g. 'mlflow'",
  };
}

/** A folder in a bucket. */
export function folderRule(prefix: string | undefined): Rule {
  return {
    wrong: prefix !== undefined && !/^[^/\s]+(\/[^/\s]+)*$/.test(prefix),
    given: `prefix is '${prefix}'`,
    want: "expected a folder without slashes at its ends, e.g. 'team-a/mlflow'",
  };
}
