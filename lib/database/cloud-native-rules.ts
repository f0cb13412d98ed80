import { Size } from 'cdk8s';
import { ClusterProps, durabilityOf } from './cloud-native-cluster';
import { DatabaseDurability, PostgresRecovery } from './cloud-native-postgres-props';
import { databaseNameRule } from './database-name-rule';
import { metricsRules } from '../component/metrics-rules';
import { peerRules } from '../kubernetes/network-peer';
import { mebibytes, resourceRules, sizeRule, storageClassRules } from '../kubernetes/resources';
import { Rule, imageRule, imageTag, nameRule, namespaceRule, shownRule, wholeRule } from '../kubernetes/rules';

/** The operator's `wal_keep_size` and `max_wal_size` use 1.5 GiB. */
const LEAST_LOG = Size.gibibytes(5);
/** Parameters that the operator sets itself: if one is given, its webhook refuses the whole Cluster. */
const OPERATORS_OWN = new RegExp(
  `^(${[
    'allow_system_table_mods|archive_cleanup_command|archive_command|archive_mode|bonjour|bonjour_name|cluster_name',
    'config_file|data_directory|data_sync_retry|event_source|external_pid_file|hba_file|hot_standby|ident_file',
    'jit_provider|listen_addresses|logging_collector|log_destination|log_directory|log_file_mode|log_filename',
    'log_rotation_age|log_rotation_size|log_truncate_on_rotation|port|primary_conninfo|primary_slot_name',
    'promote_trigger_file|recovery_.*|restart_after_crash|restore_command|shared_preload_libraries|ssl|ssl_.*',
    'stats_temp_directory|synchronized_standby_slots|synchronous_standby_names|syslog_.*|temp_tablespaces',
    'unix_socket_.*|pg_failover_slots\\..*',
  ].join('|')})$`,
);

/** What is wrong with the name of a further database, which is part of the name of its object. */
export function furtherDatabaseRules(name: string): Rule[] {
  const ends = name.endsWith('_');
  return [
    databaseNameRule(name),
    shownRule(ends, "the database's name", name, "one that does not end with '_', e.g. 'mlflow_auth'"),
  ];
}

/**
 * What is wrong with the props.
 *
 * @param archiveName name of the cluster's own archive, if it has one
 */
export function clusterRules(cluster: Omit<ClusterProps, 'tuning'>, archiveName?: string): Rule[] {
  const { props, image, storage, resources } = cluster;
  const { instances = 3, walStorage, recoverFrom, metrics, metricsClients } = props;
  const [memory, limit] = [resources.memory!.request!, resources.memory!.limit!];
  return [
    wholeRule('instances', props.instances, 1),
    imageRule(image),
    {
      wrong: !/^\d+/.test(imageTag(image) ?? ''),
      given: `image is '${image}'`,
      want: "expected a tag that begins with the major version of PostgreSQL, e.g. 'registry.example.com/postgresql:17.11'",
    },
    sizeRule('storage', storage),
    ...(walStorage === undefined ? [] : [sizeRule('walStorage', walStorage)]),
    {
      wrong: mebibytes(walStorage ?? storage) < mebibytes(LEAST_LOG),
      given: `${walStorage ? 'walStorage' : 'storage'} is ${(walStorage ?? storage).asString()}`,
      want: 'expected at least 5Gi: the write-ahead log takes 1.5Gi of it, and more while a standby is away',
    },
    {
      wrong: mebibytes(memory) < Math.floor(mebibytes(limit) / 4),
      given: `resources.memory requests ${memory.asString()} with a limit of ${limit.asString()}`,
      want: 'expected a request of at least a quarter of the limit, which is shared_buffers: the operator refuses less',
    },
    {
      wrong: instances < 2 && durabilityOf(props) !== DatabaseDurability.ASYNCHRONOUS,
      given: `durability is '${durabilityOf(props)}' with ${instances} instances`,
      want: 'expected at least 2 instances, or DatabaseDurability.ASYNCHRONOUS',
    },
    {
      wrong: props.readReplicas === true && instances < 2,
      given: `readReplicas is true with ${instances} instances`,
      want: 'expected at least 2 instances: the first one is the primary',
    },
    databaseNameRule(cluster.databaseName),
    ...storageClassRules(props.storageClassName),
    ...resourceRules(resources),
    wholeRule('maxConnections', props.maxConnections, 1),
    namespaceRule(props.operatorNamespace ?? 'cnpg-system', 'operatorNamespace', 'cnpg-system'),
    ...metricsRules(metrics, { metricsClients }),
    ...peerRules('metricsClients', metricsClients),
    ...(recoverFrom === undefined ? [] : recoveryRules(recoverFrom, archiveName)),
    ...Object.entries(props.parameters ?? {}).flatMap(([name, value]) => parameterRules(name, value)),
  ];
}

function parameterRules(name: string, value: string): Rule[] {
  const ours: Record<string, string> = {
    max_connections: 'the prop maxConnections',
    shared_buffers: 'the prop resources, of whose memory limit it is a quarter',
    max_slot_wal_keep_size: 'the prop storage or walStorage, of which it is a third',
  };
  return [
    shownRule(
      !/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(name),
      'a name in parameters',
      name,
      "that of a parameter of PostgreSQL, in lower case, e.g. 'work_mem'",
    ),
    shownRule(!/^[\x20-\x7e]+$/.test(value), `parameters.${name}`, value, "a value on one line, e.g. '8MB'"),
    {
      wrong: name in ours || OPERATORS_OWN.test(name),
      given: `parameters has ${name}`,
      want: `expected ${ours[name] ?? 'none that the operator sets itself'}`,
    },
  ];
}

function recoveryRules({ serverName, time }: PostgresRecovery, own?: string): Rule[] {
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/;
  return [
    nameRule('recoverFrom.serverName', serverName),
    {
      wrong: own === undefined,
      given: 'recoverFrom is given and archive is not',
      want: 'expected archive too: the bucket that it recovers from, and in which it goes on under a name of its own',
    },
    {
      wrong: own === serverName,
      given: `recoverFrom.serverName is '${serverName}', which is this cluster's own archive`,
      want: `expected another id for the new cluster, or another archive.serverName, e.g. '${serverName}-2'`,
    },
    shownRule(
      time !== undefined && !(zoned.test(time) && !Number.isNaN(Date.parse(time))),
      'recoverFrom.time',
      time,
      "a moment with its time zone, e.g. '2026-11-28T09:30:00Z'",
    ),
  ];
}
