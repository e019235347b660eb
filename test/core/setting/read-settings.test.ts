import { describe, expect, it } from 'vitest';
import { parseDuration } from '#core/setting/duration.ts';
import { readSettings, redactSettings, settingsHelp, settingsMarkdown } from '#core/setting/read-settings.ts';
import { anyText, durationText, listSetting, oneOf, optionalSetting, requiredSetting, switchSetting } from '#core/setting/setting.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';

const TABLE = {
  wait: requiredSetting({ flag: 'wait', env: 'ASSAY_WAIT', unit: 'duration', fallback: '30s', doc: 'How long.' }, durationText),
  place: requiredSetting({ flag: 'place', env: 'ASSAY_PLACE', unit: 'path', doc: 'Where.' }, anyText),
  secret: optionalSetting({ flag: 'secret', env: 'ASSAY_SECRET', unit: 'text', doc: 'Hidden.', secret: true }, oneOf(['a', 'b'])),
  names: listSetting({ flag: 'name', env: 'ASSAY_NAME', unit: 'name', doc: 'Who.' }, anyText),
  quiet: switchSetting({ flag: 'quiet', env: 'ASSAY_QUIET', unit: 'true|false', doc: 'Say less.' }),
};

function read(args: readonly string[], env: Readonly<Record<string, string>> = {}): unknown {
  return readSettings(TABLE, { args, env });
}

describe('settings', () => {
  it('come from flags, else from variables, else from defaults', () => {
    expect(read(['--place', 'x'])).toEqual({ wait: 30_000, place: 'x', secret: undefined, names: [], quiet: false });
    expect(read([], { ASSAY_PLACE: 'y', ASSAY_NAME: 'a,b', ASSAY_QUIET: 'true', ASSAY_WAIT: '2h', ASSAY_SECRET: 'b' })).toEqual({
      wait: 7_200_000,
      place: 'y',
      secret: 'b',
      names: ['a', 'b'],
      quiet: true,
    });
    expect(
      read(['--place=x', '--name=c', '--name', 'd,e', '--quiet'], { ASSAY_PLACE: 'y', ASSAY_NAME: 'a', ASSAY_QUIET: 'false' }),
    ).toEqual({
      wait: 30_000,
      place: 'x',
      secret: undefined,
      names: ['c', 'd,e'],
      quiet: true,
    });
  });

  it.each<[string, string[], Record<string, string>, string]>([
    ['an unknown flag', ['--place', 'x', '--plaec', 'y'], {}, 'USAGE'],
    ['a stray word', ['--place', 'x', 'y'], {}, 'USAGE'],
    ['a flag without value', ['--place'], {}, 'USAGE'],
    ['a missing value', [], {}, 'CONFIG_INVALID'],
    ['an empty value', ['--place='], {}, 'CONFIG_INVALID'],
    ['an empty variable', [], { ASSAY_PLACE: '' }, 'CONFIG_INVALID'],
    ['an unknown variable', ['--place', 'x'], { ASSAY_PLAEC: 'y' }, 'CONFIG_INVALID'],
    ['a bad duration', ['--place', 'x', '--wait', '30'], {}, 'CONFIG_INVALID'],
    ['a word that is not one of the choices', ['--place', 'x', '--secret', 'hunter2'], {}, 'CONFIG_INVALID'],
    ['a switch that is neither true nor false', ['--place', 'x'], { ASSAY_QUIET: 'yes' }, 'CONFIG_INVALID'],
  ])('refuse %s', (_, args, env, code) => {
    expect(codeOf(() => read(args, env))).toBe(code);
  });

  it('leave variables of other programs of Assay alone', () => {
    expect(readSettings(TABLE, { args: ['--place', 'x'], env: { ASSAY_REKOR_URL: '1' } }).place).toBe('x');
  });

  it('never show a secret: not when it is good, not when it is bad', () => {
    expect(redactSettings(TABLE, { wait: 1, secret: 'a', names: ['n'] })).toEqual({ wait: 1, secret: '[secret]', names: ['n'] });
    expect(() => read(['--place', 'x', '--secret', 'hunter2'])).toThrow(/^(?!.*hunter2)/);
  });

  it('describe themselves for help and documentation', () => {
    expect(settingsHelp({ wait: TABLE.wait })).toBe('  --wait <duration>              How long. (default 30s) [ASSAY_WAIT]\n');
    const either = optionalSetting({ flag: 'either', env: 'ASSAY_EITHER', unit: 'a|b', doc: 'One of two.' }, anyText);

    expect(settingsMarkdown({ wait: TABLE.wait, place: TABLE.place, quiet: TABLE.quiet, either })).toBe(
      '| flag | variable | default | meaning |\n|---|---|---|---|\n' +
        '| `--wait <duration>` | `ASSAY_WAIT` | `30s` | How long. |\n' +
        '| `--place <path>` | `ASSAY_PLACE` | required | Where. |\n' +
        '| `--quiet` | `ASSAY_QUIET` |  | Say less. |\n' +
        '| `--either <a\\|b>` | `ASSAY_EITHER` |  | One of two. |\n',
    );
  });
});

describe('duration', () => {
  it.each([
    ['0ms', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
  ])('%s is %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '5', 's', '-1s', '1.5s', '1 s', '1d', '600h', '99999999999s', '٣s'])('refuses "%s"', (text) => {
    expect(codeOf(() => parseDuration(text))).toBe('CONFIG_INVALID');
  });
});
