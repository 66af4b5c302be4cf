import type { Command } from 'commander';
import { type SigningOptions, withSigningOptions } from '../options.js';

/** `curl`: signs what curl would send, and has curl send it. */
export function curlCommand(program: Command): void {
  const command = program
    .command('curl')
    .description('Sign a request and send it with curl.')
    .usage('[options] <curl arguments...>')
    .argument('[arguments...]', "curl's own arguments, with one http:// or https:// URL")
    .allowUnknownOption()
    .passThroughOptions();
  withSigningOptions(command)
    .addHelpText(
      'after',
      `
The options above come first, then those of curl. Of curl's, these are taken:
  -X --request  -d --data --data-ascii --data-raw --data-binary --data-urlencode  --json  -F --form --form-string
  -T --upload-file  -G --get  -I --head  -H --header  --url  -A --user-agent  -o --output  -i --include
  -s --silent  -S --show-error  -v --verbose  -f --fail  --fail-with-body  -m --max-time  --connect-timeout
  -k --insecure  -w --write-out

Everything else is refused, since it could make the request another one than was signed: redirects (-L) and retries, for
instance, would send one nonce twice. The URL is sent as it stands: no globbing, no removal of dot segments. ~/.curlrc is
not read and proxies of the environment are not used. The exit code is that of curl; 3 is also a missing curl or file.

-F makes the form before it is signed; of its parameters it takes ;type= and ;filename=. -T sends a file that is not held in
memory; standard input (-T -) and pipes are held, up to 64 MiB. Like curl it appends the name of the file to a URL that ends in "/".

Examples:
  $ countersign curl 'https://api.example.com/v1/orders?limit=10'
  $ countersign curl -sSf https://api.example.com/v1/orders --json '{"sku":"A-1"}'
  $ countersign curl --credential orders-service --secret-file secret.txt -X DELETE https://api.example.com/v1/orders/7
  $ countersign curl --profile staging -G --data-urlencode 'name=Zoë & Söhne' https://staging.example.com/v1/customers
  $ countersign curl -F kind=photo -F 'file=@photo.png;type=image/png' https://api.example.com/v1/files
  $ countersign curl -T backup.tar https://api.example.com/v1/backups/
  $ countersign curl --signed-header accept -H 'Accept: text/csv' https://api.example.com/v1/report`,
    )
    .action(async (args: readonly string[], options: SigningOptions) => {
      const { signedCurl } = await import('../curl/signed-curl.js');
      process.exitCode = await signedCurl(args, options);
    });
}
