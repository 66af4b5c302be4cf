import type { Algorithm } from '@countersign/core';
import type { PolicyDefinition } from '@countersign/server/policy';

/** A key that the gateway signs with. `secret` is `csk_…`, `env:NAME` or `file:PATH`. */
export interface KeyConfig {
  readonly credential: string;
  readonly secret: string;
  readonly algorithm?: Algorithm;
}

export interface CacheConfig {
  readonly ttl?: number;
  readonly staleIfError?: number;
}

export interface KeysConfig {
  readonly file?: string;
  readonly directory?: string;
  readonly environment?: true;
  readonly redis?: string;
  readonly prefix?: string;
  readonly postgres?: string;
  readonly table?: string;
  readonly encryption?: Readonly<Record<string, string>>;
  readonly cache?: CacheConfig;
}

export interface NoncesConfig {
  readonly memory?: {
    readonly capacity?: number;
    readonly start?: 'normal' | 'strict' | 'fresh';
  };
  readonly redis?: string;
  readonly prefix?: string;
  readonly postgres?: string;
  readonly table?: string;
  readonly sqlite?: string;
}

export interface UpstreamConfig {
  readonly origins: readonly string[];
  readonly connectTimeout?: number;
  readonly timeout?: number;
  readonly connections?: number;
  readonly ca?: string;
  readonly health?: { readonly path: string; readonly every?: number };
}

export interface ProxyConfig {
  readonly listen: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly upstream: string | UpstreamConfig;
  readonly maxBodyBytes?: number;
  readonly memoryBytes?: number;
  readonly spoolDirectory?: string;
  readonly bodyTimeout?: number;
  readonly stream?: {
    readonly routes: readonly string[];
    readonly maxBodyBytes?: number;
    readonly bodyTimeout?: number;
  };
  readonly upgrades?: readonly string[];
  readonly sign?: KeyConfig;
}

export interface ForwardAuthConfig {
  readonly listen: string;
  readonly trustedPeers?: readonly string[];
  readonly bodyCheck?: 'upstream' | 'refuse';
}

export interface EgressKeyConfig extends KeyConfig {
  readonly signedHeaders?: readonly string[];
}

export interface EgressConfig extends EgressKeyConfig {
  readonly listen: string;
  readonly allowRemote?: boolean;
  readonly allowGroup?: boolean;
  readonly origin: string;
  readonly routes?: readonly (EgressKeyConfig & { readonly path: string })[];
  readonly retries?: number;
  readonly requireSignedResponse?: boolean;
  readonly maxBodyBytes?: number;
  readonly bodyTimeout?: number;
  readonly timeout?: number;
  readonly ca?: string;
}

export interface RateLimitsConfig {
  readonly redis?: string;
  readonly limits?: readonly {
    readonly requests: number;
    readonly seconds: number;
    readonly per?: 'credential' | 'group';
  }[];
}

export interface PenaltiesConfig {
  readonly refusals: number;
  readonly seconds: number;
  readonly away: number;
}

/** What `gateway.yaml` says; described by `schema/gateway.schema.json`. */
export interface GatewayConfig {
  readonly hosts?: readonly string[];
  readonly keys?: KeysConfig;
  readonly nonces?: NoncesConfig;
  readonly skew?: number;
  readonly trustedProxies?: readonly string[];
  readonly disclosure?: 'minimal' | 'full';
  readonly presigned?: boolean;
  readonly signResponses?: boolean;
  readonly policy?: PolicyDefinition;
  readonly rateLimits?: RateLimitsConfig;
  readonly proxy?: ProxyConfig;
  readonly forwardAuth?: ForwardAuthConfig;
  readonly egress?: readonly EgressConfig[];
  readonly admin?: { readonly listen: string };
  readonly audit?: { readonly to?: string };
  readonly penalties?: PenaltiesConfig;
  readonly drain?: number;
}
