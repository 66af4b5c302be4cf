import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  file,
  resultOf,
  run,
  runSigned,
  SECRET,
  start,
  temporaryDirectory,
  VECTORS,
} from './helpers.js';

const shell = promisify(execFile);
const COMMANDS = [
  ...['keygen', 'sign', 'curl', 'presign', 'profile'],
  ...['verify', 'serve', 'vectors', 'completion'],
];
const PROFILE_COMMANDS = ['add', 'list', 'use', 'remove', 'show'];

describe('help and version', () => {
  it('prints the version of the package', async () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
    );
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('names every command', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  it.each(COMMANDS)('shows how %s is used, with examples', async (command) => {
    const { code, stdout, stderr } = await run([command, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: countersign ${command} `);
    expect(stdout).toMatch(new RegExp(`^Examples:\n  \\$ .*countersign ${command}`, 'm'));
    expect(await run(['help', command])).toMatchObject({ code: 0, stdout });
  });
});

describe('the examples of the help', () => {
  it.each([
    [[]],
    ...COMMANDS.map((name) => [[name]]),
    ...PROFILE_COMMANDS.map((name) => [['profile', name]]),
  ])('of %j can be pasted: no pattern of a shell stands in them unquoted', async (command) => {
    const { code, stdout } = await run([...command, '--help']);
    expect(code).toBe(0);
    const examples = stdout.match(/^ {2}\$ .*$/gm) ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const unquoted = example.replace(/'[^']*'|"[^"]*"/g, '');
      expect(unquoted.slice(4)).not.toMatch(/[?*[\];'"]/);
    }
    expect(examples.join('\n')).toContain(['countersign', ...command].join(' '));
  });

  it('shows how the commands of profile are used', async () => {
    for (const name of PROFILE_COMMANDS) {
      const { stdout } = await run(['profile', name, '--help']);
      expect(stdout).toContain(`Usage: countersign profile ${name} `);
      expect((await run(['profile', 'help', name])).stdout).toBe(stdout);
    }
    const { stdout } = await run(['profile', '--help']);
    for (const name of PROFILE_COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });
});

describe('wrong usage', () => {
  it.each([
    [
      ['profile', 'add', 'x', '--credential', 'a'],
      "countersign: profile add: required option '--secret <secret>' not specified; see countersign profile add --help\n",
    ],
    [
      ['profile', 'ad'],
      "countersign: profile: unknown command 'ad' (Did you mean add?); see countersign profile --help\n",
    ],
    [
      ['presign', 'http://a'],
      "countersign: presign: required option '--expires-in <time>' not specified; see countersign presign --help\n",
    ],
    [['--bogus'], "countersign: unknown option '--bogus'; see countersign --help\n"],
    [['bogus'], "countersign: unknown command 'bogus'; see countersign --help\n"],
    [['sign'], "countersign: sign: missing required argument 'url'; see countersign sign --help\n"],
    [
      ['sign', '--jsn', '{}', 'http://a'],
      "countersign: sign: unknown option '--jsn' (Did you mean --json?); see countersign sign --help\n",
    ],
    [
      ['keygen', 'x'],
      "countersign: keygen: too many arguments for 'keygen'. Expected 0 arguments but got 1; see countersign keygen --help\n",
    ],
    [
      ['sign', 'http://a', '--output', 'xml'],
      "countersign: sign: option '--output <form>' argument 'xml' is invalid. Allowed choices are headers, json, curl, string-to-sign; see countersign sign --help\n",
    ],
    [
      ['completion', 'tcsh'],
      "countersign: completion: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish; see countersign completion --help\n",
    ],
  ])('%j is one line and exit code 2', async (args, stderr) => {
    expect(await run(args)).toEqual({ code: 2, stdout: '', stderr });
  });

  it.each(COMMANDS.filter((name) => name !== 'curl'))(
    '%s takes no unknown option',
    async (command) => {
      const given =
        command === 'serve'
          ? ['--keys', 'keys.json']
          : command === 'presign'
            ? ['http://a', '--expires-in', '1h']
            : [];
      const { code, stderr } = await run([command, ...given, '--no-such-option']);
      expect(code).toBe(2);
      expect(stderr).toMatch(/unknown option '--no-such-option'/);
    },
  );

  it('without a command shows the help on standard error', async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: countersign /);
  });

  it('never repeats a secret that was typed by mistake', async () => {
    for (const args of [
      [SECRET],
      ['sign', SECRET, 'x'],
      ['curl', SECRET],
      ['keygen', `--x=${SECRET}`],
      [`ckek_${SECRET.slice(4)}`],
    ]) {
      const { code, stdout, stderr } = await runSigned(args);
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain(SECRET.slice(4));
    }
  });

  it('shows control characters instead of sending them to a terminal', async () => {
    const { stderr } = await run(['\u001b[31mred']);
    expect(stderr).toBe("countersign: unknown command '\\x1b[31mred'; see countersign --help\n");
  });
});

describe('output', () => {
  it('ends quietly when its reader went away, with its own exit code', async () => {
    const child = start(['vectors', VECTORS]);
    child.stdout?.destroy();
    const { code, stderr } = await resultOf(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('has no colour where it is not a terminal', async () => {
    const { stdout } = await run(['keygen'], { env: { FORCE_COLOR: '1', TERM: 'xterm' } });
    expect(stdout).toMatch(/^Credential: /);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('has every command and option for %s', async (name) => {
    const { code, stdout } = await run(['completion', name]);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(command);
    for (const option of [
      ...['secret-file', 'string-to-sign', 'data-binary', 'disclosure', 'expires-in', 'single-use'],
      ...['profile', 'origin', 'replace', 'data-urlencode', 'form', 'upload-file'],
    ]) {
      expect(stdout).toContain(option);
    }
  });

  it('completes in bash', async () => {
    const script = file(
      temporaryDirectory(),
      'completion',
      (await run(['completion', 'bash'])).stdout,
    );
    const complete = async (...words: string[]) => {
      const line = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _countersign; echo "\${COMPREPLY[*]}"`;
      return (await shell('bash', ['-c', line, script, 'countersign', ...words])).stdout.trim();
    };
    expect(await complete('s')).toBe('sign serve');
    expect(await complete('sign', '--out')).toBe('--output');
    expect(await complete('sign', '--output', '')).toBe('headers json curl string-to-sign');
    expect(await complete('curl', '--data-b')).toBe('--data-binary');
    expect(await complete('completion', 'z')).toBe('zsh');
    expect(await complete('pr')).toBe('presign profile');
    expect(await complete('presign', '--s')).toBe('--single-use --secret-file');
    expect(await complete('sign', '--pro')).toBe('--profile');
    expect(await complete('curl', '--upl')).toBe('--upload-file');
    expect(await complete('profile', '')).toBe('add list use remove show help --help -h');
    expect(await complete('profile', 'add', '--o')).toBe('--origin');
    expect(await complete('profile', 'add', '--algorithm', '')).toBe('HMAC-256 HMAC-512');
    expect(await complete('profile', 'list', '--j')).toBe('--json');
  });
});
