import { assay } from '#proto/gen/assay-v1.js';
import { decodeWith } from './decode-with.ts';
import { malformed, tooMuch, wireBytes, wireList, wireName, wireTime } from './field.ts';
import { WIRE_LIMITS } from './limits.ts';
import type { AgentMessage, Batch, Hello } from './message.ts';

/** Encodes what an agent sends as one websocket frame. */
export function encodeAgentMessage(message: AgentMessage): Uint8Array {
  if (message.kind === 'batch') return assay.v1.Envelope.encode({ batch: { ...message, records: [...message.records] } }).finish();
  if (message.kind === 'renew') return assay.v1.Envelope.encode({ renew: { token: message.token } }).finish();
  return assay.v1.Envelope.encode({ hello: { ...message } }).finish();
}

/**
 * Decodes one frame from an agent. The records of a batch stay bytes: `decodeRecord` reads them.
 * @throws WIRE_MALFORMED also for a message that only collectors send
 * @throws WIRE_LIMIT
 */
export function decodeAgentMessage(frame: Uint8Array): AgentMessage {
  if (frame.length > WIRE_LIMITS.frameBytes) throw tooMuch('frame', `has ${String(frame.length)} bytes`, WIRE_LIMITS.frameBytes);
  const wire = decodeWith(assay.v1.Envelope, frame, 'frame');
  if (wire.message === 'hello') return helloFromWire(wire.hello, frame.length);
  if (wire.message === 'batch') return batchFromWire(wire.batch);
  if (wire.message === 'renew') return { kind: 'renew', token: tokenFromWire(wire.renew.token ?? '') };
  throw malformed('frame', `holds ${wire.message ?? 'no known message'}; agents send hello, batch and renew`);
}

function helloFromWire(wire: assay.v1.Hello.$Shape, frameBytes: number): Hello {
  if (frameBytes > WIRE_LIMITS.helloBytes) throw tooMuch('hello', `has ${String(frameBytes)} bytes`, WIRE_LIMITS.helloBytes);
  return {
    kind: 'hello',
    protocol: wire.protocol ?? 0,
    agentVersion: wireName(wire.agentVersion, 'hello.agent_version'),
    node: wireName(wire.node, 'hello.node'),
    publicKey: wireBytes(wire.publicKey, 32, 'hello.public_key'),
    channelSignature: wireBytes(wire.channelSignature, 64, 'hello.channel_signature'),
    lastRunId: wire.lastRunId ?? '',
    journalSeq: wire.journalSeq ?? 0,
    clockMs: wireTime(wire.clockMs, 'hello.clock_ms'),
  };
}

function tokenFromWire(token: string): string {
  if (token === '') throw malformed('renew.token', 'is empty');
  if (token.length > WIRE_LIMITS.tokenLength)
    throw tooMuch('renew.token', `has ${String(token.length)} characters`, WIRE_LIMITS.tokenLength);
  return token;
}

function batchFromWire(wire: assay.v1.Batch.$Shape): Batch {
  const records = wireList(wire.records, WIRE_LIMITS.recordsPerBatch, 'batch.records');
  if (records.length === 0) throw malformed('batch.records', 'is empty');
  const firstSeq = wire.firstSeq ?? 0;
  if (firstSeq === 0) throw malformed('batch.first_seq', 'is missing');
  return {
    kind: 'batch',
    firstSeq,
    records,
    prevLink: wireBytes(wire.prevLink, 32, 'batch.prev_link'),
    signature: wireBytes(wire.signature, 64, 'batch.signature'),
  };
}
