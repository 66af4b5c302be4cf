export { checkConfig, explainRequest } from './check-config.js';
export type { GatewayConfig } from './config/config.js';
export { ConfigError, type ConfigFile, parseConfig, readConfig } from './config/read-config.js';
export {
  createEgressProxy,
  type EgressAnswer,
  type EgressOptions,
  type EgressProxy,
  type EgressRoute,
} from './egress/egress-proxy.js';
export {
  type BodyCheck,
  createForwardAuth,
  type ForwardAuthCode,
  type ForwardAuthOptions,
} from './forward-auth/forward-auth.js';
export { type Gateway, type GatewayOptions, startGateway } from './gateway.js';
export {
  answerPayloadFault,
  checkPayload,
  type Payload,
  type PayloadAnswer,
  type PayloadCode,
  type PayloadFault,
} from './payload/payload.js';
export { attachReverseProxy } from './proxy/attach-reverse-proxy.js';
export type { Exchange, OnExchange } from './proxy/exchange.js';
export {
  createReverseProxy,
  type ReverseProxy,
  type ReverseProxyOptions,
} from './proxy/reverse-proxy.js';
export { type UpstreamOptions, Upstreams } from './proxy/upstreams.js';
