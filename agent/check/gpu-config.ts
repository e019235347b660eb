import { readInforomChecksums } from '../probe/nvidia-reading.ts';
import { textOf } from '../vendor/parsed.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { judgeField, judgeNvidiaGpus, mustBeOn, nvidiaSmi, worst, type NvidiaSubject } from './nvidia-gpu.ts';
import type { Verdict } from './verdict.ts';

/** The driver stays loaded while nothing uses the GPU. @source NVIDIA driver persistence documentation */
export function checkPersistence(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'persistence mode is on' }, ({ gpu }) =>
    mustBeOn(gpu.persistenceMode, 'persistence mode is off', 'warn'),
  );
}

/** Every GPU has the MIG mode it will have after the next reset, and all have the same. */
export async function checkMigMode(context: CheckContext): Promise<Verdict> {
  const smi = await nvidiaSmi(context);
  const modes = new Set(
    smi.ready ? smi.value.gpus.map(({ mig }) => (mig.current.reading.state === 'read' ? mig.current.reading.value : undefined)) : [],
  );
  const mixed = modes.has(true) && modes.has(false);
  return judgeNvidiaGpus(context, { good: 'MIG mode is settled', observed: { mixed } }, ({ gpu: { mig } }) =>
    judgeField<boolean>(mig.current, 'boolean', (current) => {
      const pending = mig.pending.reading;
      if (pending.state === 'read' && pending.value !== current)
        return finding('warn', 'a change of MIG mode waits for a reset', { current, pending: pending.value });
      return finding(mixed ? 'warn' : 'pass', mixed ? `MIG is ${current ? 'on' : 'off'} here, but not the same on every GPU` : '', {
        current,
      });
    }),
  );
}

/** Any process may use the GPU, several at a time. */
export function checkComputeMode(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'compute mode is Default' }, ({ gpu }) =>
    judgeField<string>(gpu.computeMode, 'string', (mode) =>
      finding(mode === 'Default' ? 'pass' : 'warn', mode === 'Default' ? '' : `compute mode is ${mode}`, mode),
    ),
  );
}

/** The GPU system processor runs the firmware of the loaded driver. */
export async function checkGspFirmware(context: CheckContext): Promise<Verdict> {
  const smi = await nvidiaSmi(context);
  const driver = smi.ready ? textOf(smi.value.driverVersion) : undefined;
  return judgeNvidiaGpus(context, { good: 'GSP firmware is that of the driver', observed: { driver } }, (subject) =>
    judgeGsp(subject, driver),
  );
}

function judgeGsp({ gpu, board }: NvidiaSubject, driver: string | undefined): Finding {
  const { reading } = gpu.gspFirmwareVersion;
  if (reading.state === 'absent' && board?.generation === 'blackwell') return finding('fail', 'no GSP firmware runs', null);
  return judgeField<string>(gpu.gspFirmwareVersion, 'string', (version) => {
    if (driver === undefined) return finding('unknown', 'the driver version is not known', version);
    return finding(
      version === driver ? 'pass' : 'fail',
      version === driver ? '' : `GSP firmware ${version} under driver ${driver}`,
      version,
    );
  });
}

/** On Grace boards CPU and GPU share one address space over their own link; elsewhere there is nothing to check. */
export function checkCoherentLink(context: CheckContext): Promise<Verdict> {
  return judgeNvidiaGpus(context, { good: 'CPU and GPU share addresses over the chip-to-chip link' }, ({ gpu, board }) => {
    if (board?.form !== 'tray') return finding('skip', 'no chip-to-chip link on this board', null);
    return worst({
      addressing: judgeField<string>(gpu.addressingMode, 'string', (mode) =>
        finding(mode === 'ATS' ? 'pass' : 'fail', mode === 'ATS' ? '' : `addressing mode is ${mode}`, mode),
      ),
      link: mustBeOn(gpu.c2cMode, 'the chip-to-chip link is off', 'fail'),
    });
  });
}

/** The checksum of the board's own memory of itself is right. */
export async function checkInforom(context: CheckContext): Promise<Verdict> {
  const read = await context.node.nvidiaSmi();
  const isCorrupt = read.state === 'read' && (read.exitCode === 14 || /infoROM is corrupted/i.test(read.stderr));
  const exit = read.state === 'read' ? read.exitCode : undefined;
  const checksums = read.state === 'read' ? await readInforomChecksums(context.host) : undefined;
  const answers = checksums?.state === 'read' ? checksums.value.gpus : [];
  return judgeNvidiaGpus(context, { good: 'no corrupt inforom is reported', observed: { exitCode: exit } }, ({ gpu }) => {
    if (isCorrupt) return finding('fail', 'nvidia-smi reports a corrupt inforom', false);
    const checksum = answers.find(({ pciBusId }) => pciBusId !== undefined && pciBusId === gpu.pciBusId)?.inforomChecksumValid.reading;
    if (checksum?.state === 'read')
      return finding(checksum.value === true ? 'pass' : 'fail', checksum.value === true ? '' : 'the checksum of the inforom is wrong', {
        checksum: checksum.value,
      });
    const { reading } = gpu.inforomImage;
    return reading.state === 'read' ? finding('pass', '', true) : finding('skip', 'this board tells nothing about an inforom', null);
  });
}

/** All GPUs of the node are of one kind and carry the same firmware. */
export async function checkUniformBoards(context: CheckContext): Promise<Verdict> {
  const smi = await nvidiaSmi(context);
  const [first] = smi.ready ? smi.value.gpus : [];
  const same = (field: 'vbiosVersion' | 'productName', subject: NvidiaSubject): Finding => {
    const own = textOf(subject.gpu[field]);
    const wanted = first === undefined ? undefined : textOf(first[field]);
    if (own === undefined) return finding('skip', `${field} is not told`, null);
    const label = field === 'productName' ? 'another product than the first GPU' : 'another VBIOS than the first GPU';
    return own === wanted ? finding('pass', '', own) : finding(field === 'productName' ? 'fail' : 'warn', label, own);
  };
  return judgeNvidiaGpus(context, { good: 'all GPUs are of one kind with one VBIOS' }, (subject) =>
    worst({
      product: same('productName', subject),
      vbios: same('vbiosVersion', subject),
      memory: memoryOf(subject),
      // Told only: healthy nodes have boards of several parts.
      part: finding('pass', '', textOf(subject.gpu.boardPartNumber) ?? null),
    }),
  );
}

/** Totals move by some MiB between drivers, and by the share of error correction on boards without HBM. */
const MEMORY_TOLERANCE = 0.03;

function memoryOf({ gpu, board }: NvidiaSubject): Finding {
  const expected = board?.numbers.memoryMiB;
  return judgeField<number>(gpu.memory.total, 'number', (total) => {
    if (expected === undefined || board === undefined) return finding('pass', '', total);
    const isOff = Math.abs(total - expected) > expected * MEMORY_TOLERANCE;
    if (!isOff) return finding('pass', '', total);
    return finding(
      board.unverified.includes('memoryMiB') ? 'warn' : 'fail',
      `memory of ${total} MiB, a ${board.name} has ${expected} MiB`,
      total,
    );
  });
}
