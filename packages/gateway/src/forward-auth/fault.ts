/** Why a subrequest is refused before a verifier sees it. These codes are the gateway's own, beside those of the protocol. */
export type ForwardAuthCode =
  | 'peer_not_trusted'
  | 'original_missing'
  | 'original_duplicated'
  | 'original_malformed'
  | 'subrequest_body'
  | 'body_not_checked'
  | 'throttled'
  | 'verification_failed';

/** What is wrong with a subrequest. All are answered with 403: most are faults of the proxy, which no caller can mend. */
export interface ForwardAuthFault {
  readonly code: ForwardAuthCode;
  /** One sentence, for whoever sets the proxy up. */
  readonly detail: string;
}

export const FAULT_TITLES: Readonly<Record<ForwardAuthCode, string>> = {
  peer_not_trusted: 'This peer may not ask',
  original_missing: 'The proxy does not say what was asked',
  original_duplicated: 'The proxy says more than once what was asked',
  original_malformed: 'The proxy says what was asked in another form',
  subrequest_body: 'The proxy asks with a body',
  body_not_checked: 'A body is not taken here',
  throttled: 'Too many refused requests came from there',
  verification_failed: 'The request could not be verified',
};

export function fault(code: ForwardAuthCode, detail: string): ForwardAuthFault {
  return { code, detail };
}
