import { isIP } from 'net';
import { Credentials } from '../credentials/credentials';
import { ConnectionClient } from '../kubernetes/connection';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { Rule, cidrRule, imageRule, wholeRule } from '../kubernetes/rules';

/** What the props of all database servers that exist already have in common. */
export interface ExistingServer {
  readonly host: string;
  readonly port?: number;
  readonly credentials: Credentials;
  readonly clientImage?: string;
  readonly maxConnections?: number;
  readonly cidr?: string;
  readonly egress?: EgressRule[];
}

export function existingServerEgress({ cidr, egress }: ExistingServer, port: number): EgressRule[] {
  return egress ?? [{ peer: cidr ? { cidr } : { anyone: true }, port }];
}

/**
 * @param clientImage the default image
 * @param clients all that connect
 */
export function existingServerRules(props: ExistingServer, clientImage: string, clients: ConnectionClient[]): Rule[] {
  const needed = clients.reduce((sum, client) => sum + client.maxConnections, 0);
  return [
    hostRule("the database's host", props.host),
    imageRule(props.clientImage ?? clientImage, 'clientImage'),
    wholeRule("the database's port", props.port, 1),
    {
      wrong: (props.port ?? 0) > 65535,
      given: `the database's port is ${props.port}`,
      want: 'expected a TCP port, at most 65535',
    },
    cidrRule('cidr', props.cidr),
    ...egressRules('egress', props.egress),
    {
      wrong: props.cidr !== undefined && props.egress !== undefined,
      given: 'cidr and egress are both given',
      want: "expected one of the two: egress can hold the addresses, e.g. { peer: { cidr: '10.1.2.0/24' }, port: 5432 }",
    },
    wholeRule('maxConnections', props.maxConnections, 1),
    {
      wrong: props.maxConnections !== undefined && needed > props.maxConnections,
      given: `maxConnections is ${props.maxConnections}`,
      want: `expected at least ${needed}, what its clients can open, or fewer servers, or fewer requests at once (maxDatabaseRequests)`,
    },
    ...props.credentials._rules("the database's credentials"),
    {
      wrong: props.credentials._kind !== 'secret',
      given: "the database's credentials are generated or a service account's",
      want: "expected Credentials.fromSecret('name'): this app cannot create a role in an existing database",
    },
  ];
}

export function hostRule(what: string, host: string): Rule {
  return {
    wrong: !/^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$/.test(host) && isIP(host) === 0,
    given: `${what} is '${host}'`,
    want: "expected only a host name or an address, e.g. 'db.example.com'; the port has a prop of its own",
  };
}
