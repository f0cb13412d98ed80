import { PROGRAMS } from '../component/program';
import { AUTHORITY_FOLDER } from '../kubernetes/certificate-authority';

export const MODEL = '/model';
export const PACKAGES = '/packages';
export const WARM_UP = '/etc/warm-up';

/** Where the library mounts something in a serving, with any of its options. */
export const SERVING_FOLDERS = [PROGRAMS, '/tmp', MODEL, PACKAGES, WARM_UP, AUTHORITY_FOLDER];
