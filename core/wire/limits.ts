/**
 * Sizes and counts of the protocol. They are checked before the thing they bound is parsed or kept, on both sides.
 * `docs/reference/wire.md` shows this table.
 */
export const WIRE_LIMITS = {
  /** One websocket frame: eight full batches of a node with eight GPUs. */
  frameBytes: 1024 * 1024,
  /** HTTP headers and the hello frame: what a stranger may make the collector hold. */
  helloBytes: 4096,
  /** The token of a renewal; a token of Kubernetes has about 1,300. Characters. */
  tokenLength: 4096,
  /** One encoded record: 2,000 measurements of 100 bytes are 200 KB. */
  recordBytes: 256 * 1024,
  /** Records of one batch. */
  recordsPerBatch: 256,
  /** Records of one agent in one run; a node has about 250. */
  recordsPerNode: 65_536,
  /** Bytes of records of one agent in one run; a node has about 50 KB. */
  bytesPerNode: 64 * 1024 * 1024,
  measurementsPerRecord: 4096,
  /** Names: node, check, key, item, version. Characters. */
  nameLength: 256,
  /** Values, reasons, messages and lines of output. Characters. */
  textLength: 8192,
  /** Lines of output kept of one check. */
  stdoutLines: 256,
  /** `extra` of a check as JSON text. Characters. */
  extraLength: 64 * 1024,
  /** Nesting of `extra`. */
  extraDepth: 16,
  /** Phases of a plan. */
  phases: 8,
  /** Checks named for one phase of a plan. */
  checksPerPhase: 256,
  /** Constraints of a plan. */
  constraints: 256,
} as const;

/** Times of the protocol in milliseconds. */
export const WIRE_TIMES = {
  /** From the first byte of a connection to its TLS handshake, from there to its headers, and from there to its hello. */
  helloMs: 5000,
  /** The collector pings that often; also the slowest sign of life that an agent may count on. */
  pingMs: 15_000,
  /** Either side drops a connection from which nothing came for this long: two pings and a margin. */
  silenceMs: 40_000,
  /** A connection lives so long after its credential expired: time to notice the new token file and to have it reviewed. */
  expiryGraceMs: 60_000,
} as const;

/** Version of the protocol; `Hello` and `Welcome` carry it. */
export const WIRE_PROTOCOL = 1;
