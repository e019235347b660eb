import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { ASSAY_VARIABLES, refuseUnknownVariables } from '#core/setting/variables.ts';
import * as agent from '../../../agent/config.ts';
import { defineDeliver } from '../../../cli/command/deliver.ts';
import { variableOf, variableOptions } from '../../../cli/delivery/config.ts';
import { COLLECTOR_SETTINGS } from '../../../collector/config.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';

const tables = [agent.PROBE_SETTINGS, agent.CHECK_SETTINGS, agent.RUN_SETTINGS, COLLECTOR_SETTINGS];

describe('variables of all programs', () => {
  it('are listed once, in order', () => {
    expect(ASSAY_VARIABLES).toEqual([...new Set(ASSAY_VARIABLES)].sort());
  });

  it('hold every variable of agent and collector, so that one environment serves both', () => {
    const used = tables.flatMap((table) => Object.values(table).map(({ env }) => env));

    expect(used.filter((name) => !ASSAY_VARIABLES.includes(name))).toEqual([]);
  });

  it('hold every variable of the signer', () => {
    const command = new Command('deliver');
    defineDeliver(command, () => Promise.resolve());

    expect(
      variableOptions(command)
        .map(variableOf)
        .filter((name) => !ASSAY_VARIABLES.includes(name)),
    ).toEqual([]);
  });

  it.each([
    ['a variable of another program', { ASSAY_REKOR_URL: 'x' }, 'no error'],
    ['a foreign variable', { ESSAY_WRITER: 'x' }, 'no error'],
    ['a slip of the pen', { ASSAY_REKOR_ULR: 'x' }, 'CONFIG_INVALID'],
    ['a slip with an empty value', { ASSAY_PUHS: '' }, 'CONFIG_INVALID'],
  ])('%s', (_, env, code) => {
    expect(codeOf(() => refuseUnknownVariables(env, ['ASSAY_OUT']))).toBe(code);
  });
});
