import { Images } from '../../lib';

/** Images of parts that are off by default. */
const off: string[] = [
  ...[Images.RCLONE, Images.POSTGRES_EXPORTER, Images.MARIADB],
  ...[Images.SEAWEEDFS, Images.CLOUD_NATIVE_POSTGRES, Images.OAUTH2_PROXY],
];

/** The images of the default platform, sorted. */
export const defaultImages = (Object.values(Images) as string[]).filter((image) => !off.includes(image)).sort();
