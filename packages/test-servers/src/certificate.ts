import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.js';

/** A certificate that signs itself, and so is the authority to trust as well. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** The certificate as PEM: `ca` of a client. */
  readonly cert: string;
}

const CONFIGURATION = `[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
subjectAltName = DNS:localhost,DNS:api.example.test,IP:127.0.0.1
subjectKeyIdentifier = hash
basicConstraints = critical,CA:true
keyUsage = critical,digitalSignature,keyCertSign
`;

/** Makes a certificate for localhost, 127.0.0.1 and api.example.test, good for two days. */
export async function selfSignedCertificate(directory: string): Promise<Certificate> {
  const configuration = join(directory, 'openssl.cnf');
  const certFile = join(directory, 'cert.pem');
  const keyFile = join(directory, 'key.pem');
  await writeFile(configuration, CONFIGURATION);
  await run('openssl', [
    ...['req', '-x509', '-config', configuration, '-days', '2', '-nodes'],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-keyout', keyFile, '-out', certFile],
  ]);
  return { certFile, keyFile, cert: await readFile(certFile, 'utf8') };
}
