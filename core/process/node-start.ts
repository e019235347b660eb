/** How Node is started for one of our programs. */
export interface NodeStart {
  readonly flags: readonly string[];
  /** Variables that the C library reads before Node runs. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The agent shares its node with workloads and waits most of its time, so it is started small: no background threads, a young
 * generation of 1 MiB, an interpreter without compilers (their code would be a fifth of its memory), bytecode forgotten at the
 * first collection, blocks from 32 KiB on given back to the system when freed, and a collector that it may call before it waits.
 * The collector reads thousands of nodes one after the other: with a young generation of the default size most of its memory
 * would be garbage of nodes that it is done with.
 * @source docs/decision/0009-agent-v8-flags.md has what each of them gives
 */
export const NODE_START = {
  agent: {
    flags: ['--single-threaded', '--max-semi-space-size=1', '--lite-mode', '--bytecode-old-age=1', '--expose-gc'],
    env: { MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TOP_PAD_: '0' },
  },
  collector: { flags: ['--max-semi-space-size=8'], env: {} },
} as const satisfies Readonly<Record<string, NodeStart>>;

/** Without compilers there is no WebAssembly, and without that Node cannot read TypeScript. */
const NEEDS_BUNDLE: ReadonlySet<string> = new Set(['--lite-mode']);

/** The flags that fit an entry file: source files need more of Node than bundles. */
export function nodeFlagsFor({ flags }: NodeStart, path: string): readonly string[] {
  return path.endsWith('.ts') ? flags.filter((flag) => !NEEDS_BUNDLE.has(flag)) : flags;
}
