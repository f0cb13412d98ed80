import { EnvVar } from './manifest';
import { isDataKey, variableRules } from './metadata-rules';
import { environment } from './pod';
import { Rule, objectNameRule } from './rules';
import { checkInputs } from '../inputs/inputs';

/** One value of a ConfigMap. */
export class ConfigValue {
  /**
   * An existing ConfigMap in the namespace of the pods. Without the ConfigMap or the key, the pods do not start: they wait, and
   * `kubectl describe pod` names what is missing.
   *
   * @param name name of the ConfigMap, e.g. `settings`
   * @param key key in the ConfigMap, e.g. `threshold`
   */
  public static fromConfigMap(name: string, key: string): ConfigValue {
    checkInputs('ConfigValue.fromConfigMap', { name, key });
    return new ConfigValue(name, key);
  }

  private constructor(
    /** @internal */ public readonly _configMapName: string,
    /** @internal */ public readonly _key: string,
  ) {}
}

export type ConfigEnvironment = Record<string, ConfigValue>;

/** Variables of a container, of which those of ConfigMaps take precedence: a list with a name twice is refused. */
export function withConfigValues(values: Record<string, string>, configEnvironment: ConfigEnvironment = {}): EnvVar[] {
  const others = Object.entries(values).filter(([name]) => !(name in configEnvironment));
  return [...environment(Object.fromEntries(others)), ...configVariables(configEnvironment)];
}

function configVariables(configEnvironment: ConfigEnvironment): EnvVar[] {
  return Object.entries(configEnvironment).map(([name, { _configMapName, _key }]) => ({
    name,
    valueFrom: { configMapKeyRef: { name: _configMapName, key: _key } },
  }));
}

/** What is wrong with them, apart from names that the library reserves. */
export function configEnvironmentRules(
  configEnvironment: ConfigEnvironment = {},
  others: Record<string, Record<string, unknown> | undefined>,
): Rule[] {
  const names = Object.fromEntries(Object.keys(configEnvironment).map((name) => [name, '']));
  return [
    ...variableRules('configEnvironment', names),
    ...Object.entries(configEnvironment).flatMap(([name, { _configMapName, _key }]) => [
      ...Object.entries(others).map(([prop, variables = {}]) => ({
        wrong: name in variables,
        given: `configEnvironment and ${prop} have ${name}`,
        want: 'expected it in one of the two',
      })),
      objectNameRule(`the name of the ConfigMap of configEnvironment.${name}`, _configMapName, 'settings'),
      {
        wrong: !isDataKey(_key),
        given: `the key of configEnvironment.${name} is '${_key}'`,
        want: "expected the name of a key of the ConfigMap: letters, digits, '-', '_' and '.', e.g. 'threshold'",
      },
    ]),
  ];
}
