import { describe, expect, it } from 'vitest';
import { parseDcgmDiag } from '../../../agent/vendor/nvidia/dcgm-diag.ts';
import { parseDcgmNvlink } from '../../../agent/vendor/nvidia/dcgm-nvlink.ts';
import { parseFabricManagerLog } from '../../../agent/vendor/nvidia/fabric-manager-log.ts';
import { parseImex } from '../../../agent/vendor/nvidia/imex.ts';
import { parseProcDriverNvidia } from '../../../agent/vendor/nvidia/proc-driver.ts';
import { bytesOf, codeOf, messageOf, vendorOutput, vendorText } from '../../fixture/vendor-output.ts';

describe('dcgmi diag -j', () => {
  it('reads DCGM 3 with a warning before the document and a null result', () => {
    const diag = parseDcgmDiag(vendorOutput('dcgmi-diag/v3-warning-before.json'));
    expect(diag.value.results).toEqual([
      {
        category: 'Deployment',
        test: 'Persistence Mode',
        status: 'warn',
        entities: ['0', '1'],
        warnings: [{ message: 'Persistence mode for GPU 0 is disabled.' }],
        info: [],
      },
      { category: 'Deployment', test: 'Inforom', status: 'pass', entities: ['0'], warnings: [], info: [] },
    ]);
    expect([diag.value.layout, diag.value.version, diag.value.driverVersion]).toEqual([3, '3.3.5', '535.104.05']);
    expect(diag.partial).toEqual([
      'before the document: WARNING: persistence mode is off',
      '/test_categories[0]/tests[1]/results[1] is null',
    ]);
    expect(JSON.stringify(diag)).not.toContain('1650000000000');
  });

  it('reads DCGM 4 with error ids and keeps the summary apart', () => {
    const diag = parseDcgmDiag(vendorOutput('dcgmi-diag/v4-fail.json'));
    expect(diag.value.results).toEqual([
      {
        category: 'Hardware',
        test: 'memory',
        status: 'fail',
        entities: ['GPU:3'],
        warnings: [{ message: 'A memory mismatch was detected.', errorId: 81, category: 10, severity: 2 }],
        info: ['Allocated 80%'],
      },
      { category: 'Hardware', test: 'memory', status: 'fail', entities: [], warnings: [], info: [], isSummary: true },
    ]);
    expect(JSON.stringify(diag)).not.toContain('1650000000003');
  });

  it('a status it does not know is told, not passed', () => {
    const diag = parseDcgmDiag(bytesOf(vendorText('dcgmi-diag/v4-fail.json').replace('"Fail"', '"constructor"')));
    expect(diag.value.results).toHaveLength(1);
    expect(diag.partial).toEqual(['/test_categories[0]/tests[0]/results[0] has no known status']);
  });

  it.each([
    '{"DCGM GPU Diagnostic": {}}\n',
    '{"test_categories": []}\n',
    '[]\n',
    'Error: unable to connect\n',
    '{"DCGM GPU Diagnostic": {"test_categories": [{',
  ])('refuses %s', (text) => {
    expect(codeOf(() => parseDcgmDiag(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('dcgmi nvlink', () => {
  it('reads one letter per link', () => {
    expect(parseDcgmNvlink(vendorOutput('dcgmi-nvlink/status.txt')).value.entities).toEqual([
      { entity: 'gpu0', links: ['up', 'up', 'down', 'not-supported'], errors: [] },
    ]);
  });

  it('reads error counts per link, or for the whole GPU', () => {
    expect(
      parseDcgmNvlink(vendorOutput('dcgmi-nvlink/errors.txt')).value.entities[0]?.errors.map(({ key, reading }) => [key, reading]),
    ).toEqual([
      ['nvlink.0.crc_flit_error', { state: 'read', value: 0 }],
      ['nvlink.0.replay_error', { state: 'read', value: 3 }],
      ['nvlink.all.symbol_ber', { state: 'read', value: 15 }],
    ]);
  });

  it('a count that could not be had is told', () => {
    const text = `Warning: Unable to retrieve nvlink Replay Error count for link 3\n${vendorText('dcgmi-nvlink/errors.txt')}`;
    expect(parseDcgmNvlink(bytesOf(text)).partial).toEqual(['line 1: Warning: Unable to retrieve nvlink Replay Error count for link 3']);
  });

  it('refuses an output without GPU', () => {
    expect(codeOf(() => parseDcgmNvlink(bytesOf('Key: Up=U\n')))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('nvidia-imex-ctl', () => {
  it('takes the state of the domain from the root of the JSON', () => {
    const imex = parseImex(vendorOutput('imex/degraded.json'));
    expect(imex.value.domain).toBe('DEGRADED');
    expect(imex.value.nodes.map(({ node, state, version, connections }) => ({ node, state, version, connections }))).toEqual([
      { node: 0, state: 'WAITING_FOR_RECOVERY', version: undefined, connections: { '0': 'CONNECTED', '1': 'DISCONNECTED' } },
      { node: 1, state: 'READY', version: '580.30', connections: { '0': 'CONNECTED', '1': 'CONNECTED' } },
    ]);
  });

  it('reads the text form with its matrix', () => {
    const imex = parseImex(vendorOutput('imex/domain.txt'));
    expect(imex.value.domain).toBe('DOWN');
    expect(imex.value.nodes.map(({ state, version, connections }) => ({ state, version, connections }))).toEqual([
      { state: 'READY', version: '580.30', connections: { '0': 'CONNECTED', '1': 'VERSION_MISMATCH' } },
      { state: 'UNAVAILABLE', version: '570.12', connections: { '0': 'INVALID', '1': 'CONNECTED' } },
    ]);
  });

  it('reads the state of this node alone', () => {
    expect(parseImex(vendorOutput('imex/local.txt')).value).toEqual({ local: 'READY', nodes: [] });
  });

  it('drops host names and addresses', () => {
    for (const path of ['imex/degraded.json', 'imex/domain.txt'])
      expect(JSON.stringify(parseImex(vendorOutput(path)))).not.toMatch(/192\.0\.2|tray-b/);
  });

  it('a cut text has no domain state and says so', () => {
    const text = vendorText('imex/domain.txt');
    const cut = parseImex(bytesOf(text.slice(0, text.indexOf('DOWN') + 2)));
    expect(cut.value.domain).toBeUndefined();
    expect(cut.partial).toEqual([
      'line 15 has no line break: the output was cut there',
      'no "Domain State" line: the output ends before it',
    ]);
  });

  it.each(['{"nodes": {}, "status": "GREAT"}\n', '{"nodes": {"0": {"status": "UP"}}}\n', 'nvidia-imex-ctl: command failed\n'])(
    'refuses %s',
    (text) => {
      expect(codeOf(() => parseImex(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
    },
  );
});

describe('fabric manager log', () => {
  it('gives the version and the problems', () => {
    expect(parseFabricManagerLog(vendorOutput('fabricmanager-log/one-error.txt')).value).toEqual({
      version: '535.104.05',
      lines: 2,
      problems: [
        {
          line: 2,
          at: 'Jan 06 2025 08:00:01',
          level: 'ERROR',
          message: 'failed to find the GPU handle 3 in the multicast team request setup.',
        },
      ],
    });
  });

  it('refuses another log', () => {
    expect(codeOf(() => parseFabricManagerLog(bytesOf('Jan  6 08:00:00 host systemd: started\n')))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('/proc/driver/nvidia', () => {
  it.each([
    ['version-open.txt', { version: '580.82.07', flavour: 'open', arch: 'aarch64' }],
    ['version-proprietary.txt', { version: '535.104.05', flavour: 'proprietary', arch: 'x86_64' }],
  ])('%s', (file, module) => {
    expect(parseProcDriverNvidia(vendorOutput(`proc-driver-nvidia/${file}`)).value.module).toEqual(module);
  });

  it('reads the information file of a GPU', () => {
    const { value } = parseProcDriverNvidia(vendorOutput('proc-driver-nvidia/information.txt'));
    expect([value.file, value.pciBusId, value.fields.find((field) => field.key === 'gpu_excluded')?.reading]).toEqual([
      'information',
      '0000:3b:00.0',
      { state: 'read', value: false },
    ]);
  });

  it('reads the parameters', () => {
    const { value } = parseProcDriverNvidia(vendorOutput('proc-driver-nvidia/params.txt'));
    expect([value.file, value.fields.find((field) => field.key === 'params.EnableGpuFirmware')?.reading]).toEqual([
      'params',
      { state: 'read', value: 18 },
    ]);
  });

  it('a version that may be cut is not taken for the whole one', () => {
    expect(messageOf(() => parseProcDriverNvidia(bytesOf('NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104')))).toMatch(
      /^proc-driver-nvidia: no module version: .* \(line 1\)$/,
    );
  });

  it('a cut information file lists what is missing', () => {
    const cut = parseProcDriverNvidia(bytesOf(vendorText('proc-driver-nvidia/information.txt').split('Bus Location')[0] ?? ''));
    expect(cut.value.pciBusId).toBeUndefined();
    expect(cut.partial).toEqual(['no pci.bus_id line', 'no minor_number line']);
  });

  it.each(['NVRM version: nothing of the kind\n', 'hello\n', 'one: 1\ntwo: 2\n'])('refuses "%s"', (text) => {
    expect(codeOf(() => parseProcDriverNvidia(bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});
