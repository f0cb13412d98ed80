import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Component } from '../component/component';
import { PROGRAMS } from '../component/program';
import { Container } from '../kubernetes/manifest';
import { LOG_SPACE, renderResources } from '../kubernetes/resources';
import { Rule, check } from '../kubernetes/rules';

/** Programs that the pod of a server with a database of its own runs in addition. */
export const OWN_DATABASE_PROGRAMS = ['migrate_sqlite.py', 'sqlite_files.py', 'copy_to_postgres.py'];

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(384), limit: Size.gibibytes(1) },
  ephemeralStorage: LOG_SPACE,
};

/**
 * Upgrades the schema of a database that only this pod can open, before MLflow starts. The Deployment stops the pod before
 * it starts the next one, so no server uses the database meanwhile.
 *
 * @param base the image, environment and volumes of MLflow's containers
 */
export function migrationInPod(base: Omit<Container, 'name'>): Container {
  return {
    ...base,
    name: 'migrate',
    command: ['python', `${PROGRAMS}/migrate_sqlite.py`],
    resources: renderResources(resources),
  };
}

/** What of the library connects to the database from other pods. */
export function inPodRule(databaseIsInPod: boolean, instead: string): Rule {
  return {
    wrong: databaseIsInPod,
    given: "the server's database is Database.sqlite(…), which only the server's own pod can open",
    want: `expected ${instead}, or a PostgreSQL, e.g. new PostgresStatefulSet(…)`,
  };
}

/** What of the library knows PostgreSQL only. */
export function mysqlRule(databaseIsMysql: boolean, instead: string): Rule {
  return {
    wrong: databaseIsMysql,
    given: "the server's database is Database.mysql(…)",
    want: `expected ${instead}, or a PostgreSQL, e.g. new PostgresStatefulSet(…)`,
  };
}

/** MLflow keeps service users in its own database. nginx has them in a Secret. */
export function refuseServiceUsers(server: Component): void {
  check(server, [inPodRule(true, 'Authentication.basic() for a platform with service users')]);
}
