// Requests that nobody has sent yet, each with a nonce of its own.
import { createSigner } from '@countersign/client';
import hawk from 'hawk';
import { CALLER, HOST } from '../server-process.mjs';
import { BODY, TYPE } from './request.mjs';

const path = '/v1/orders';
const url = `http://${HOST}${path}`;
const signer = createSigner(CALLER);
const body = BODY.toString();
const content = { 'Content-Type': TYPE };

export const HAWK = { id: 'orders-service', key: 'k'.repeat(32), algorithm: 'sha256' };

const signatures = {
  countersign: () => signer.sign({ method: 'POST', url, headers: content, body }),
  hawk: () => ({
    Authorization: hawk.client.header(`http://${HOST}:80${path}`, 'POST', {
      ...{ credentials: HAWK, payload: body, contentType: TYPE },
    }).header,
  }),
};
// To be as long on the wire, a bare server is sent a signature too.
signatures.bare = signatures.countersign;

/** @param kind - `bare`, `countersign` or `hawk` */
export function requestsFor(kind, count) {
  return Array.from({ length: count }, () => ({
    ...{ method: 'POST', path, body },
    headers: { Host: HOST, ...content, ...signatures[kind]() },
  }));
}
