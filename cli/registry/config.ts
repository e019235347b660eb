import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where Docker keeps its configuration: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
 * @returns undefined for a user without a home, as a container with a bare user number has
 */
export function dockerConfigPath(): string | undefined {
  const directory = process.env['DOCKER_CONFIG'] ?? dockerDirectory();
  return directory === undefined ? undefined : join(directory, 'config.json');
}

function dockerDirectory(): string | undefined {
  try {
    return join(homedir(), '.docker');
  } catch {
    return undefined;
  }
}
