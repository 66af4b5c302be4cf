/** The options of curl that can be signed faithfully, by each of their names. */
export const CURL_OPTIONS: ReadonlyMap<string, { readonly name: string; readonly value: boolean }> =
  new Map(
    (
      [
        [true, '--request', '-X'],
        [true, '--data', '-d', '--data-ascii'],
        [true, '--data-raw'],
        [true, '--data-binary'],
        [true, '--data-urlencode'],
        [true, '--form', '-F'],
        [true, '--form-string'],
        [true, '--upload-file', '-T'],
        [true, '--json'],
        [false, '--get', '-G'],
        [false, '--head', '-I'],
        [true, '--header', '-H'],
        [true, '--url'],
        [true, '--user-agent', '-A'],
        [true, '--output', '-o'],
        [false, '--include', '-i'],
        [false, '--silent', '-s'],
        [false, '--show-error', '-S'],
        [false, '--verbose', '-v'],
        [false, '--fail', '-f'],
        [false, '--fail-with-body'],
        [true, '--max-time', '-m'],
        [true, '--connect-timeout'],
        [false, '--insecure', '-k'],
        [true, '--write-out', '-w'],
      ] as const
    ).flatMap(([value, ...names]) => names.map((name) => [name, { name: names[0], value }])),
  );

const REDIRECT = 'each redirect needs a signature of its own; call again with the new URL';
const RETRY = 'each attempt needs a signature of its own; run the command again instead';
const PROXY = 'what a proxy makes of the request is not what was signed';
const LOGIN = 'the Authorization field is that of the signature';
const SEVERAL = 'one signature is for one request; run the command once for each';
const FIELD = 'give the header field with -H';
const CONFIG = 'options from files are not looked into; give them here';

const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    [REDIRECT]: ['-L', '--location', '--location-trusted', '--post301', '--post302', '--post303'],
    [RETRY]: ['--retry', '--retry-all-errors', '--retry-connrefused', '--retry-delay'],
    [PROXY]: ['-x', '--proxy', '--preproxy', '--socks5', '--socks5-hostname', '-U', '--proxy-user'],
    [LOGIN]: ['-u', '--user', '--digest', '--ntlm', '--negotiate', '--basic', '--anyauth', '-n'],
    [SEVERAL]: ['--next', '-:', '-Z', '--parallel', '-O', '--remote-name'],
    [FIELD]: ['-b', '--cookie', '-e', '--referer', '-r', '--range', '--compressed'],
    [CONFIG]: ['-K', '--config'],
  }).flatMap(([reason, names]) => names.map((name) => [name, reason])),
);
const OWN = ['--profile', '--credential', '--secret-file', '--algorithm', '--signed-header'];

/** Why an option that is not in the list is refused. */
export function whyRefused(name: string): string {
  if (OWN.includes(name)) return "countersign's own options come before those of curl";
  return REASONS.get(name) ?? 'it could change what was signed; see countersign curl --help';
}
