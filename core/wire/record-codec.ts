import { assay } from '#proto/gen/assay-v1.js';
import { parseBoundedObject } from './bounded-json.ts';
import { decodeWith } from './decode-with.ts';
import { malformed, tooMuch, wireList, wireName, wireText, wireTime, wireWhole } from './field.ts';
import { WIRE_LIMITS } from './limits.ts';
import { measurementFromWire, measurementToWire } from './measurement-codec.ts';
import type { CheckResult, RecordBody } from './record.ts';
import { wirePhase, wireStatus } from './wire-enum.ts';

/** A record with its place in the agent's stream. */
export interface SequencedRecord {
  readonly seq: number;
  readonly body: RecordBody;
}

/**
 * Encodes a record once and for all: these bytes are chained, signed and stored.
 * @param seq 1, 2, 3, …
 * @throws WIRE_MALFORMED, WIRE_LIMIT for a body that the collector would refuse
 */
export function encodeRecord(seq: number, body: RecordBody): Uint8Array {
  const bytes = assay.v1.Record.encode({ seq, ...bodyToWire(body) }).finish();
  decodeRecord(bytes);
  return bytes;
}

/** Decodes a record and checks every field. @throws WIRE_MALFORMED, WIRE_LIMIT */
export function decodeRecord(bytes: Uint8Array): SequencedRecord {
  if (bytes.length > WIRE_LIMITS.recordBytes) throw tooMuch('record', `has ${String(bytes.length)} bytes`, WIRE_LIMITS.recordBytes);
  const wire = decodeWith(assay.v1.Record, bytes, 'record');
  const seq = wire.seq ?? 0;
  if (seq === 0) throw malformed('record.seq', 'is missing');
  return { seq, body: bodyFromWire(wire, `record ${String(seq)}`) };
}

function bodyToWire(body: RecordBody): assay.v1.Record.$Properties {
  switch (body.kind) {
    case 'measurements':
      return { measurements: { sampledAtMs: body.sampledAtMs, measurements: body.measurements.map(measurementToWire) } };
    case 'phase-started':
      return { phaseStarted: { phase: wirePhase.toNumber(body.phase), atMs: body.atMs } };
    case 'check':
      return { check: checkToWire(body.result) };
    case 'phase-ended':
      return { phaseEnded: { phase: wirePhase.toNumber(body.phase), atMs: body.atMs } };
    case 'finished':
      return { finished: { atMs: body.atMs } };
  }
}

function bodyFromWire(wire: assay.v1.Record.$Shape, where: string): RecordBody {
  switch (wire.body) {
    case 'measurements':
      return measurementsFromWire(wire.measurements, `${where}.measurements`);
    case 'phaseStarted':
      return { kind: 'phase-started', ...markFromWire(wire.phaseStarted, `${where}.phase_started`) };
    case 'check':
      return { kind: 'check', result: checkFromWire(wire.check, `${where}.check`) };
    case 'phaseEnded':
      return { kind: 'phase-ended', ...markFromWire(wire.phaseEnded, `${where}.phase_ended`) };
    case 'finished':
      return { kind: 'finished', atMs: wireTime(wire.finished.atMs, `${where}.finished.at_ms`) };
    case undefined:
      throw malformed(`${where}.body`, 'is missing or of an unknown kind');
  }
}

function measurementsFromWire(wire: assay.v1.Measurements.$Shape, where: string): RecordBody {
  const list = wireList(wire.measurements, WIRE_LIMITS.measurementsPerRecord, where);
  return {
    kind: 'measurements',
    sampledAtMs: wireTime(wire.sampledAtMs, `${where}.sampled_at_ms`),
    measurements: list.map((item, index) => measurementFromWire(item, `${where}[${String(index)}]`)),
  };
}

function markFromWire(wire: assay.v1.PhaseMark.$Shape, where: string): { phase: CheckResult['phase']; atMs: number } {
  return { phase: wirePhase.toWord(wire.phase, `${where}.phase`), atMs: wireTime(wire.atMs, `${where}.at_ms`) };
}

function checkToWire(result: CheckResult): assay.v1.CheckResult.$Properties {
  const { message, extra, stdout } = result;
  return {
    phase: wirePhase.toNumber(result.phase),
    check: result.check,
    status: wireStatus.toNumber(result.status),
    durationMs: Math.round(result.durationMs),
    startedAtMs: result.startedAtMs,
    ...(message === undefined ? {} : { message: message.toWellFormed() }),
    ...(stdout === undefined ? {} : { stdout: stdout.map((line) => line.toWellFormed()) }),
    ...(extra === undefined ? {} : { extraJson: JSON.stringify(extra, wellFormed) }),
  };
}

/** Text that was cut in the middle of a surrogate pair has no UTF-8 form; the half becomes U+FFFD. */
function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

function checkFromWire(wire: assay.v1.CheckResult.$Shape, where: string): CheckResult {
  const stdout = wireList(wire.stdout, WIRE_LIMITS.stdoutLines, `${where}.stdout`);
  return {
    phase: wirePhase.toWord(wire.phase, `${where}.phase`),
    check: wireName(wire.check, `${where}.check`),
    status: wireStatus.toWord(wire.status, `${where}.status`),
    durationMs: wireWhole(wire.durationMs, `${where}.duration_ms`),
    startedAtMs: wireTime(wire.startedAtMs, `${where}.started_at_ms`),
    ...(typeof wire.message === 'string' ? { message: wireText(wire.message, `${where}.message`) } : {}),
    ...(stdout.length === 0 ? {} : { stdout: stdout.map((line, index) => wireText(line, `${where}.stdout[${String(index)}]`)) }),
    ...(typeof wire.extraJson === 'string' ? { extra: parseBoundedObject(wire.extraJson, `${where}.extra_json`) } : {}),
  };
}
