import { Refusal } from '@countersign/core';

/**
 * The refusal that says what Node's HTTP parser found.
 *
 * @param code - `code` of the error of `clientError`, such as `HPE_HEADER_OVERFLOW`
 */
export function parserRefusal(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal('headers_too_many', 'The header is larger than the server takes.');
  }
  if (code === 'HPE_INVALID_EOF_STATE') {
    return new Refusal('body_incomplete', 'The connection ended before the request did.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Refusal('body_timeout', 'The request did not arrive in time.');
  }
  return new Refusal('header_malformed', 'The request is not valid HTTP/1.1.');
}
