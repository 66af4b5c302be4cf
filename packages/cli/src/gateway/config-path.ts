/** The configuration that is meant: option, then environment, then the usual name. */
export function configPath(option: string | undefined): string {
  return option ?? (process.env.COUNTERSIGN_GATEWAY_CONFIG || 'gateway.yaml');
}
