import type { Recipe } from '#core/recipe/document.ts';
import { fail, pass, unknown, type ClusterVerdict, type Observed, type Threshold } from '../verdict.ts';

/** Text that the load job puts before its result. @source upstream inference-perf */
export const RESULT_MARK = '===AIPERF-RESULT===';

/** What a recipe asks of a served model. */
export interface InferenceRule {
  readonly model: string;
  readonly concurrencyPerGpu: number;
  readonly routing: string;
  /** Tokens per second, at least; undefined when not asked for. */
  readonly throughput: number | undefined;
  /** 99th percentile of the time to the first token, milliseconds, at most. */
  readonly ttftMs: number | undefined;
}

/** What a load generator measured. */
export interface InferenceResult {
  readonly throughput: number;
  readonly ttftP99Ms: number;
}

/** @source upstream inference-perf: shipped model and load, tolerance of a tenth */
const DEFAULTS = { model: 'Qwen/Qwen3-8B', concurrencyPerGpu: 256, routing: 'dynamo-router' } as const;
const TOLERANCE = 0.1;

/**
 * Reads what the recipe asks for.
 * @returns undefined when it asks for nothing, a text when a constraint makes no sense
 */
export function inferenceRule(recipe: Recipe): InferenceRule | string | undefined {
  const constraints = new Map((recipe.validation?.performance?.constraints ?? []).map(({ name, value }) => [name, value.trim()]));
  if (![...constraints.keys()].some((name) => name.startsWith('inference-'))) return undefined;
  const [throughput, ttft] = [constraints.get('inference-throughput'), constraints.get('inference-ttft-p99')];
  if (throughput !== undefined && numberAfter('>=', throughput) === undefined)
    return `inference-throughput must be ">= NUMBER", not "${throughput}"`;
  if (ttft !== undefined && numberAfter('<=', ttft) === undefined) return `inference-ttft-p99 must be "<= NUMBER", not "${ttft}"`;
  const perGpu = Number(constraints.get('inference-concurrency-per-gpu') ?? DEFAULTS.concurrencyPerGpu);
  if (!Number.isSafeInteger(perGpu) || perGpu < 1) return 'inference-concurrency-per-gpu must be a whole number above 0';
  return {
    model: constraints.get('inference-model') ?? DEFAULTS.model,
    concurrencyPerGpu: perGpu,
    routing: constraints.get('inference-routing-mode') ?? DEFAULTS.routing,
    throughput: throughput === undefined ? undefined : numberAfter('>=', throughput),
    ttftMs: ttft === undefined ? undefined : numberAfter('<=', ttft),
  };
}

/** Reads the load generator's log. @returns undefined when it has no result @source AIPerf JSON export, behind the mark of upstream's job */
export function readInferenceLog(log: string): InferenceResult | undefined {
  const [, json = ''] = log.split(RESULT_MARK, 2);
  try {
    const result = JSON.parse(json) as {
      readonly output_token_throughput?: { readonly avg?: unknown };
      readonly time_to_first_token?: { readonly p99?: unknown };
    };
    const [throughput, ttftP99Ms] = [result.output_token_throughput?.avg, result.time_to_first_token?.p99];
    return typeof throughput === 'number' && typeof ttftP99Ms === 'number' ? { throughput, ttftP99Ms } : undefined;
  } catch {
    return undefined;
  }
}

/** Judges a measurement; both numbers have a tolerance of a tenth, which is shown. */
export function judgeInference(result: InferenceResult | undefined, rule: InferenceRule, besides: Observed): ClusterVerdict {
  if (result === undefined) return unknown('the load generator gave no result', besides);
  const observed = { ...besides, throughput: result.throughput, ttftP99Ms: result.ttftP99Ms, model: rule.model, routing: rule.routing };
  const short = rule.throughput !== undefined && result.throughput < (1 - TOLERANCE) * rule.throughput;
  const slow = rule.ttftMs !== undefined && result.ttftP99Ms > (1 + TOLERANCE) * rule.ttftMs;
  const said = `${result.throughput} tokens/s, first token after ${result.ttftP99Ms} ms (p99)`;
  const verdict =
    short || slow
      ? fail(
          `${said}: ${[...(short ? [`less than ${String(rule.throughput)} tokens/s`] : []), ...(slow ? [`slower than ${String(rule.ttftMs)} ms`] : [])].join(' and ')}`,
          observed,
        )
      : pass(said, observed);
  return { ...verdict, thresholds: thresholdsOf(rule) };
}

function thresholdsOf({ throughput, ttftMs }: InferenceRule): Readonly<Record<string, Threshold>> {
  const source = "recipe constraint, with upstream's tolerance of a tenth";
  return {
    ...(throughput === undefined ? {} : { throughput: { value: (1 - TOLERANCE) * throughput, unit: '1/s', source } }),
    ...(ttftMs === undefined ? {} : { ttftP99: { value: (1 + TOLERANCE) * ttftMs, unit: 'ms', source } }),
  };
}

function numberAfter(operator: string, text: string): number | undefined {
  const rest = text.startsWith(operator) ? Number(text.slice(operator.length).trim() || Number.NaN) : Number.NaN;
  return Number.isFinite(rest) ? rest : undefined;
}
