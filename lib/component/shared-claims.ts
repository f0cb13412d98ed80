import { PodProps } from './pod-template';
import { Container } from '../kubernetes/manifest';

/** One volume for each claim, which all containers mount: a pod with two volumes of one claim does not start everywhere. */
export function shareClaims(pod: PodProps): PodProps {
  const volumeOf = new Map<string, string>();
  const replaced = new Map<string, string>();
  const volumes = (pod.volumes ?? []).filter(({ name, persistentVolumeClaim }) => {
    const claim = persistentVolumeClaim?.claimName;
    const first = claim === undefined ? undefined : volumeOf.get(claim);
    if (first !== undefined) replaced.set(name, first);
    else if (claim !== undefined) volumeOf.set(claim, name);
    return first === undefined;
  });
  const mounting = (container: Container): Container => ({
    ...container,
    volumeMounts: container.volumeMounts?.map((mount) => ({ ...mount, name: replaced.get(mount.name) ?? mount.name })),
  });
  return {
    ...pod,
    initContainers: pod.initContainers?.map(mounting),
    containers: pod.containers.map(mounting),
    volumes,
  };
}
