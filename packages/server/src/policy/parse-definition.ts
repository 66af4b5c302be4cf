import { CREDENTIAL, TOKEN } from '@countersign/core';
import { aBoolean } from '../options.js';
import { listOf, namedOf, objectOf, type Path, textsOf, under } from './checks.js';
import { type PathPattern, parsePattern } from './path-pattern.js';
import { type CheckedSettings, parseSettings, SETTING_NAMES } from './settings.js';

/** Settings, and where they are said. */
export interface Place {
  readonly path: Path;
  readonly settings: CheckedSettings;
}

/** One line of a list of routes. */
export interface ParsedRoute extends Place {
  readonly pattern: PathPattern;
  /** `undefined` for any. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly deny: boolean;
  /** Where the route is one of an application: its name, and what it says of all its routes. */
  readonly application?: string | undefined;
  readonly inherited: readonly Place[];
}

/** Everybody, a group or a key: what is said of it, and its routes. */
export interface ParsedRules extends Place {
  readonly routes: readonly ParsedRoute[];
}

/** The definition once it is checked. */
export interface ParsedDefinition {
  readonly everybody: ParsedRules;
  readonly groups: ReadonlyMap<string, ParsedRules>;
  /** The groups that list a credential, in the order of the definition. */
  readonly memberships: ReadonlyMap<string, readonly string[]>;
  readonly credentials: ReadonlyMap<string, ParsedRules>;
}

interface Application extends Place {
  readonly routes: readonly ParsedRoute[];
}

const RULES: readonly string[] = ['routes', ...SETTING_NAMES];
const METHODS = 'a method such as "GET", as it is sent';

/** @throws TypeError or RangeError whose message begins with the path of the bad value */
export function parseDefinition(definition: unknown): ParsedDefinition {
  const members = objectOf(definition, '', ['applications', 'groups', 'credentials', ...RULES]);
  const applications = new Map<string, Application>();
  for (const [name, value] of namedOf(members.applications, 'applications')) {
    applications.set(name, parseApplication(value, name));
  }
  const groups = new Map<string, ParsedRules>();
  const memberships = new Map<string, string[]>();
  for (const [name, value] of namedOf(members.groups, 'groups')) {
    const path = `groups.${name}`;
    const group = objectOf(value, path, ['credentials', ...RULES]);
    groups.set(name, parseRules(group, path, applications));
    for (const credential of credentialsOf(group.credentials, `${path}.credentials`)) {
      memberships.set(credential, [...(memberships.get(credential) ?? []), name]);
    }
  }
  const credentials = new Map<string, ParsedRules>();
  for (const [name, value] of namedOf(members.credentials, 'credentials')) {
    const path = `credentials.${name}`;
    credentials.set(name, parseRules(objectOf(value, path, RULES), path, applications));
  }
  const everybody = parseRules(members, '', applications);
  return { everybody, groups, memberships, credentials };
}

function credentialsOf(value: unknown, path: Path): readonly string[] {
  if (value === undefined) return [];
  const credential = (text: string) => (CREDENTIAL.test(text) ? text : undefined);
  return textsOf(value, path, credential, 'a credential: 1–128 of A-Z a-z 0-9 . _ -');
}

function parseRules(
  members: Readonly<Record<string, unknown>>,
  path: Path,
  applications: ReadonlyMap<string, Application>,
): ParsedRules {
  const at = under(path, 'routes');
  const { routes = [] } = members;
  return {
    path,
    settings: parseSettings(members, path),
    routes: listOf(routes, at).flatMap((route, i) =>
      parseRoute(route, `${at}[${i}]`, applications),
    ),
  };
}

function parseApplication(value: unknown, name: string): Application {
  const path = `applications.${name}`;
  const members = objectOf(value, path, RULES);
  const routes = listOf(members.routes, `${path}.routes`);
  if (routes.length === 0) throw new TypeError(`${path}.routes: expected at least one route`);
  return {
    path,
    settings: parseSettings(members, path),
    routes: routes.flatMap((route, i) => parseRoute(route, `${path}.routes[${i}]`, undefined)),
  };
}

/** A line of a list of routes; several where it names an application. */
function parseRoute(
  value: unknown,
  path: Path,
  applications: ReadonlyMap<string, Application> | undefined,
): readonly ParsedRoute[] {
  if (typeof value === 'string') return [parseShortRoute(value, path)];
  const named = typeof value === 'object' && value !== null && 'application' in value;
  if (named && applications === undefined) {
    throw new TypeError(`${path}.application: an application lists paths, no other applications`);
  }
  const first = named ? 'application' : 'path';
  const members = objectOf(value, path, [first, 'methods', 'deny', ...SETTING_NAMES]);
  const { deny: said = false } = members;
  const deny = aBoolean(`${path}.deny`, said);
  const settings = parseSettings(members, path);
  const [setting] = deny ? Object.keys(settings) : [];
  if (setting !== undefined) {
    throw new TypeError(`${path}.${setting}: means nothing on a route that denies`);
  }
  const place = { path, settings, deny };
  if (named && applications !== undefined) return ofApplication(members, place, applications);
  const methods =
    deny && members.methods === undefined ? undefined : methodsOf(members.methods, path);
  return [{ ...place, pattern: patternOf(members.path, `${path}.path`), methods, inherited: [] }];
}

function ofApplication(
  members: Readonly<Record<string, unknown>>,
  { path, settings, deny }: Place & { readonly deny: boolean },
  applications: ReadonlyMap<string, Application>,
): readonly ParsedRoute[] {
  const application = applications.get(members.application as string);
  if (application === undefined) {
    const known = [...applications.keys()].join(', ') || 'none';
    throw new TypeError(`${path}.application: no such application; known are ${known}`);
  }
  const only = members.methods === undefined ? undefined : methodsOf(members.methods, path);
  const routes = application.routes.flatMap((route): readonly ParsedRoute[] => {
    // What an application denies is denied by whatever method.
    const methods = route.deny ? route.methods : bothOf(route.methods, only);
    if (methods?.size === 0) return [];
    // The nearest place is the last: what is said here overrides what the application says.
    const inherited = [application, route].map((each) => ({
      path: each.path,
      settings: each.settings,
    }));
    const name = members.application as string;
    return [
      { ...route, path, settings, methods, deny: deny || route.deny, application: name, inherited },
    ];
  });
  if (routes.length > 0) return routes;
  throw new TypeError(`${path}.methods: no route of the application has any of these`);
}

function bothOf(
  some: ReadonlySet<string> | undefined,
  only: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  if (some === undefined || only === undefined) return some ?? only;
  return new Set([...some].filter((method) => only.has(method)));
}

function parseShortRoute(text: string, path: Path): ParsedRoute {
  const [, methods = '', rest = ''] = /^(\S+) (\S+)$/.exec(text) ?? [];
  if (rest === '') {
    throw new TypeError(
      `${path}: expected methods, a space and a path, such as "GET,PUT /v1/{id}"`,
    );
  }
  return {
    path,
    settings: {},
    pattern: patternOf(rest, path),
    methods: methodSet(methods.split(','), path),
    deny: false,
    inherited: [],
  };
}

function patternOf(value: unknown, path: Path): PathPattern {
  const pattern = typeof value === 'string' ? parsePattern(value) : 'expected a path';
  if (typeof pattern === 'string') throw new TypeError(`${path}: ${pattern}`);
  return pattern;
}

function methodsOf(value: unknown, path: Path): ReadonlySet<string> | undefined {
  const at = `${path}.methods`;
  if (value === undefined) throw new TypeError(`${at}: expected a list, such as ["GET"] or ["*"]`);
  return methodSet(value, at);
}

function methodSet(value: unknown, path: Path): ReadonlySet<string> | undefined {
  const methods = textsOf(value, path, (text) => (TOKEN.test(text) ? text : undefined), METHODS);
  if (methods.length === 0) throw new TypeError(`${path}: expected at least one method`);
  if (!methods.includes('*')) return new Set(methods);
  if (methods.length > 1) throw new TypeError(`${path}: "*" is any method, and stands alone`);
  return undefined;
}
