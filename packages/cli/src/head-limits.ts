/** How Node's HTTP server is set up here: what it would refuse by itself and the verifier can refuse, the verifier does. */
export const HEAD_LIMITS = {
  requireHostHeader: false,
  // Room for a target and an Authorization field above the limits of the protocol.
  maxHeaderSize: 64 * 1024,
} as const;
