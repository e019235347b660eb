import type { ErrorCode } from '../error.ts';

/** Codes that can end a connection. */
export type WireCode = Extract<
  ErrorCode,
  | 'WIRE_MALFORMED'
  | 'WIRE_LIMIT'
  | 'WIRE_ORDER'
  | 'WIRE_GAP'
  | 'WIRE_SIGNATURE'
  | 'WIRE_EQUIVOCATION'
  | 'WIRE_CREDIT'
  | 'WIRE_VERSION'
  | 'NODE_REJECTED'
  | 'NODE_BUSY'
  | 'POD_SUPERSEDED'
  | 'CREDENTIAL_NODE'
  | 'CREDENTIAL_EXPIRED'
  | 'RUN_SEALED'
  | 'TIMEOUT'
>;

interface CloseRule {
  /** Websocket close code, 4000 to 4999: private use. */
  readonly close: number;
  /** An agent that gets it does not try again. */
  readonly final: boolean;
}

/** Close code of every reason for which the collector ends a connection. Normal ends are 1000 (sealed) and 1001 (restart). */
export const CLOSE_RULES: Readonly<Record<WireCode, CloseRule>> = {
  WIRE_MALFORMED: { close: 4000, final: false },
  WIRE_LIMIT: { close: 4001, final: true },
  WIRE_ORDER: { close: 4002, final: false },
  WIRE_GAP: { close: 4003, final: false },
  WIRE_SIGNATURE: { close: 4004, final: true },
  WIRE_EQUIVOCATION: { close: 4005, final: true },
  WIRE_VERSION: { close: 4006, final: true },
  TIMEOUT: { close: 4007, final: false },
  NODE_REJECTED: { close: 4008, final: true },
  WIRE_CREDIT: { close: 4009, final: false },
  RUN_SEALED: { close: 4010, final: true },
  NODE_BUSY: { close: 4012, final: false },
  CREDENTIAL_NODE: { close: 4013, final: true },
  CREDENTIAL_EXPIRED: { close: 4014, final: false },
  POD_SUPERSEDED: { close: 4015, final: true },
};

/** Close code for another connection of the same agent taking over; the agent knows, so it is no error. */
export const CLOSE_REPLACED = 4011;

/** The reason behind a close code, or undefined when the code is none of ours. */
export function wireCodeOf(close: number): WireCode | undefined {
  return (Object.keys(CLOSE_RULES) as WireCode[]).find((code) => CLOSE_RULES[code].close === close);
}

/** True for a code that ends a connection. */
export function isWireCode(code: string): code is WireCode {
  return code in CLOSE_RULES;
}
