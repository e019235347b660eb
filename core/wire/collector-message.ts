import { assay } from '#proto/gen/assay-v1.js';
import { decodeWith } from './decode-with.ts';
import { malformed, tooMuch, wireBytes, wireList, wireName, wireTime } from './field.ts';
import { WIRE_LIMITS } from './limits.ts';
import type { CollectorMessage, StopReason, Welcome } from './message.ts';
import type { PhasePlan, Plan } from './run.ts';
import { wirePhase } from './wire-enum.ts';

const STOP_REASONS: readonly StopReason[] = ['deadline', 'cancelled'];

/** Encodes what a collector sends as one websocket frame. */
export function encodeCollectorMessage(message: CollectorMessage): Uint8Array {
  return assay.v1.Envelope.encode(envelopeOf(message)).finish();
}

/**
 * Decodes one frame from a collector.
 * @throws WIRE_MALFORMED also for a message that only agents send
 * @throws WIRE_LIMIT
 */
export function decodeCollectorMessage(frame: Uint8Array): CollectorMessage {
  if (frame.length > WIRE_LIMITS.frameBytes) throw tooMuch('frame', `has ${String(frame.length)} bytes`, WIRE_LIMITS.frameBytes);
  const wire = decodeWith(assay.v1.Envelope, frame, 'frame');
  switch (wire.message) {
    case 'welcome':
      return welcomeFromWire(wire.welcome);
    case 'ack':
      return { kind: 'ack', durableSeq: wire.ack.durableSeq ?? 0 };
    case 'credit':
      return { kind: 'credit', bytes: wire.credit.bytes ?? 0 };
    case 'run':
      return { kind: 'run', phases: wireList(wire.run.phases, WIRE_LIMITS.phases, 'run').map((phase) => wirePhase.toWord(phase, 'run')) };
    case 'stop':
      return { kind: 'stop', reason: stopReason(wire.stop.reason) };
    case 'seal':
      return { kind: 'seal', runId: wireName(wire.seal.runId, 'seal.run_id') };
    case 'hello':
    case 'batch':
    case 'renew':
    case undefined:
      break;
  }
  throw malformed('frame', `holds ${wire.message ?? 'no known message'}, which collectors do not send`);
}

function envelopeOf(message: CollectorMessage): assay.v1.Envelope.$Properties {
  switch (message.kind) {
    case 'welcome':
      return { welcome: welcomeToWire(message) };
    case 'ack':
      return { ack: { durableSeq: message.durableSeq } };
    case 'credit':
      return { credit: { bytes: message.bytes } };
    case 'run':
      return { run: { phases: message.phases.map((phase) => wirePhase.toNumber(phase)) } };
    case 'stop':
      return { stop: { reason: message.reason } };
    case 'seal':
      return { seal: { runId: message.runId } };
  }
}

function welcomeToWire(message: Welcome): assay.v1.Welcome.$Properties {
  const { kind: _kind, plan, ...fields } = message;
  return { ...fields, plan: planToWire(plan) };
}

function welcomeFromWire(wire: assay.v1.Welcome.$Shape): Welcome {
  return {
    kind: 'welcome',
    protocol: wire.protocol ?? 0,
    runId: wireName(wire.runId, 'welcome.run_id'),
    nonce: wireBytes(wire.nonce, 32, 'welcome.nonce'),
    plan: planFromWire(wire.plan ?? {}),
    resumeSeq: wire.resumeSeq ?? 0,
    resumeLink: wireBytes(wire.resumeLink, 32, 'welcome.resume_link'),
    creditBytes: wire.creditBytes ?? 0,
  };
}

function planToWire(plan: Plan): assay.v1.Plan.$Properties {
  const phases = plan.phases.map(({ phase, checks, deadlineMs }) => ({
    phase: wirePhase.toNumber(phase),
    checks: [...checks],
    deadlineMs,
  }));
  return { accelerator: plan.accelerator, phases, constraints: (plan.constraints ?? []).map(({ name, value }) => ({ name, value })) };
}

function planFromWire(wire: assay.v1.Plan.$Shape): Plan {
  const phases = wireList(wire.phases, WIRE_LIMITS.phases, 'plan.phases');
  const constraints = wireList(wire.constraints, WIRE_LIMITS.constraints, 'plan.constraints').map(({ name, value }) => ({
    name: wireName(name, 'plan.constraint.name'),
    value: wireName(value, 'plan.constraint.value'),
  }));
  return {
    accelerator: wireName(wire.accelerator, 'plan.accelerator'),
    phases: phases.map(phasePlanFromWire),
    ...(constraints.length === 0 ? {} : { constraints }),
  };
}

function phasePlanFromWire(wire: assay.v1.PhasePlan.$Shape): PhasePlan {
  return {
    phase: wirePhase.toWord(wire.phase, 'plan.phase'),
    checks: wireList(wire.checks, WIRE_LIMITS.checksPerPhase, 'plan.checks').map((check) => wireName(check, 'plan.check')),
    deadlineMs: wireTime(wire.deadlineMs, 'plan.deadline_ms'),
  };
}

function stopReason(text: string | null | undefined): StopReason {
  const reason = STOP_REASONS.find((known) => known === text);
  if (reason === undefined) throw malformed('stop.reason', `is "${String(text)}"`);
  return reason;
}
