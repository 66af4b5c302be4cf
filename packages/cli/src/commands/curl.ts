import type { Command } from 'commander';
import { type CredentialOptions, withCredentialOptions } from '../options.js';

/** `curl`: signs what curl would send, and has curl send it. */
export function curlCommand(program: Command): void {
  const command = program
    .command('curl')
    .description('Sign a request and send it with curl.')
    .usage('[options] <curl arguments...>')
    .argument('[arguments...]', "curl's own arguments, with one http:// or https:// URL")
    .allowUnknownOption()
    .passThroughOptions();
  withCredentialOptions(command)
    .addHelpText(
      'after',
      `
The options above come first, then those of curl. Of curl's, these are taken:
  -X --request  -d --data --data-ascii --data-raw --data-binary  --json  -G --get  -I --head  -H --header  --url
  -A --user-agent  -o --output  -i --include  -s --silent  -S --show-error  -v --verbose  -f --fail  --fail-with-body
  -m --max-time  --connect-timeout  -k --insecure  -w --write-out

Everything else is refused, since it could make the request another one than was signed: redirects (-L) and retries, for
instance, would send one nonce twice. The URL is sent as it stands: no globbing, no removal of dot segments. ~/.curlrc is
not read and proxies of the environment are not used. The exit code is that of curl; 3 is also a missing curl or file.

Examples:
  $ countersign curl https://api.example.com/v1/orders?limit=10
  $ countersign curl -sSf https://api.example.com/v1/orders --json '{"sku":"A-1"}'
  $ countersign curl --credential orders-service --secret-file secret.txt -X DELETE https://api.example.com/v1/orders/7
  $ countersign curl --signed-header accept -H 'Accept: text/csv' https://api.example.com/v1/report`,
    )
    .action(async (args: readonly string[], options: CredentialOptions) => {
      const { signedCurl } = await import('../curl/signed-curl.js');
      process.exitCode = await signedCurl(args, options);
    });
}
