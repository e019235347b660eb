import { settingsHelp } from '#core/setting/read-settings.ts';
import type { SettingTable } from '#core/setting/setting.ts';
import { CHECK_SETTINGS, PROBE_SETTINGS, RUN_SETTINGS } from './config.ts';

/** Modes of the agent with what they do and the settings they read. */
const MODES: readonly (readonly [name: string, summary: string, settings: SettingTable])[] = [
  ['run', 'report to a collector until the run is sealed', RUN_SETTINGS],
  ['probe', 'print the measurements of this host as JSON', PROBE_SETTINGS],
  ['check', 'run node checks and print their results as JSON', CHECK_SETTINGS],
  ['parse TOOL FILE', 'parse one captured vendor output and print the typed result as JSON', {}],
];

/** The help text of the agent program. */
export function usage(): string {
  const modes = MODES.map(([name, summary, settings]) => `\n${name}: ${summary}\n${settingsHelp(settings)}`);
  return `Usage: agent <mode> [settings]\n${modes.join('')}\nExample: agent check --phase deployment --tool-path /opt/tools\n`;
}
