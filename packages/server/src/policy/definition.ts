/** A policy as it is written down: plain data, as from JSON or YAML. What is said at the top is said of every caller. */
export interface PolicyDefinition extends PolicyRules {
  /** Groups of routes by name, to be named where routes are listed. */
  readonly applications?: Readonly<Record<string, PolicyApplication>> | undefined;
  /** Groups of keys by name: that of the key's record, or of those that list the credential. */
  readonly groups?: Readonly<Record<string, PolicyGroup>> | undefined;
  /** Single keys by credential. */
  readonly credentials?: Readonly<Record<string, PolicyRules>> | undefined;
}

/** What some callers may do, and how. */
export interface PolicyRules extends PolicySettings {
  readonly routes?: readonly PolicyRoute[] | undefined;
}

/** A group of keys. */
export interface PolicyGroup extends PolicyRules {
  /** Members besides those whose key record names the group. */
  readonly credentials?: readonly string[] | undefined;
}

/** A group of routes, and what holds for them whoever calls. */
export interface PolicyApplication extends PolicySettings {
  readonly routes: readonly (string | PolicyPathRoute)[];
}

/** `"GET,POST /v1/orders/{id}"`, the same with settings of its own, or all routes of an application. */
export type PolicyRoute = string | PolicyPathRoute | PolicyApplicationRoute;

/** Requests by method and path. */
export interface PolicyPathRoute extends PolicySettings {
  /** Segments as the canonical path has them; `{name}` stands for any one segment, a last `**` for whatever follows. */
  readonly path: string;
  /** As they are sent, case kept; `["*"]` for any. A route that denies may leave them out, and denies any. */
  readonly methods?: readonly string[] | undefined;
  /** Refuses instead, whatever else allows; off unless `true`. */
  readonly deny?: boolean | undefined;
}

/** The routes of an application. */
export interface PolicyApplicationRoute extends PolicySettings {
  readonly application: string;
  /** Only these of its methods; all unless given. */
  readonly methods?: readonly string[] | undefined;
  /** Refuses them instead, whatever else allows; off unless `true`. */
  readonly deny?: boolean | undefined;
}

/** What else is asked of a request that a route allows. What is left out is not asked. */
export interface PolicySettings {
  /** Addresses and CIDR blocks that may call, IPv4 and IPv6; any unless given. */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Those that may not, even if they are in `allowAddresses`. */
  readonly denyAddresses?: readonly string[] | undefined;
  /** Only over HTTPS, as the connection or a trusted proxy tells; off unless `true`. */
  readonly https?: boolean | undefined;
  /** Header fields that must be present and signed, besides those that the verifier asks for. */
  readonly requiredHeaders?: readonly string[] | undefined;
  /** Seconds the signed date may be away from now, 1–3,600, if that is less than the verifier's. */
  readonly skew?: number | undefined;
  /** Most bytes of a body, if that is less than the verifier's. */
  readonly maxBodyBytes?: number | undefined;
  /** What a path may have though servers disagree on what it means: `%2F`, `%5C`, `;`. None unless given. */
  readonly allowInPath?: readonly PathOddity[] | undefined;
  /** How often, for `rateLimits` of `@countersign/server/rate-limits` to count; `[]` for no limits. */
  readonly rateLimits?: readonly PolicyRateLimit[] | undefined;
  /** The answer must be signed: the verifier must have `signResponses`. Off unless `true`. */
  readonly signedResponses?: boolean | undefined;
  /** What a body must be like, for whoever checks it, such as the gateway; `false` for no rules. */
  readonly payload?: PolicyPayload | false | undefined;
}

/** An encoded slash, an encoded backslash, or a semicolon in either form. */
export type PathOddity = '%2F' | '%5C' | ';';

/** So many requests in a window of time. */
export interface PolicyRateLimit {
  /** 1–1,000,000,000. */
  readonly requests: number;
  /** Length of the window, 1–2,147,483 (almost 25 days, as long as a timer runs). */
  readonly seconds: number;
  /** Who shares them: each key has its own, unless this is `group`. A key without a group has its own all the same. */
  readonly per?: 'credential' | 'group' | undefined;
}

/** What a body must be like. An empty body always is. */
export interface PolicyPayload {
  /** Media types without parameters, such as `application/json`, which is the only one unless said otherwise. */
  readonly contentTypes?: readonly string[] | undefined;
  /** Levels of lists and objects, or of elements; 32 unless said otherwise. */
  readonly maxDepth?: number | undefined;
  /** Names in all objects, or elements and attributes; 10,000 unless said otherwise. */
  readonly maxKeys?: number | undefined;
  /** UTF-16 units of one string, name or text; 65,536 unless said otherwise. */
  readonly maxStringLength?: number | undefined;
}
