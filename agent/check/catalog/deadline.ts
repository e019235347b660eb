/** Files of sysfs and procfs answer in microseconds; behind a sick device they may not answer at all. */
export const FILES_MS = 5000;
/** One vendor tool up to its own deadline, and a second one that waits for it: tools run one at a time. */
export const TOOL_MS = 50_000;
/** Diagnostics up to their own deadline, behind another tool. */
export const DIAGNOSTIC_MS = 240_000;
