import { Component } from './component';
import { apiObject } from '../kubernetes/manifest';

/** What one ServiceAccount may do in the namespace of a component. */
export interface AccessGrant {
  /** Name of the Role and of its RoleBinding. */
  readonly name: string;
  readonly rules: object[] | (() => object[]);
  readonly account: { readonly name: string; readonly namespace?: string };
}

const GROUP = 'rbac.authorization.k8s.io';

/** A Role and its RoleBinding, with the construct ids `<prefix>role` and `<prefix>role-binding`. */
export function grantAccess(component: Component, prefix: string, { name, rules, account }: AccessGrant): void {
  const base = { apiVersion: `${GROUP}/v1`, name, labels: component.labels };
  apiObject<{ rules: object[] }>(component, `${prefix}role`, { ...base, kind: 'Role', body: { rules } });
  apiObject(component, `${prefix}role-binding`, {
    ...base,
    kind: 'RoleBinding',
    body: {
      roleRef: { apiGroup: GROUP, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  });
}
