import { finding, type Finding, type FindingCode, type FindingOptions } from './finding.ts';

/** Ends a step from the inside with one finding. It is caught by the step's caller and never leaves the verifier. */
export class Refusal extends Error {
  readonly finding: Finding;
  readonly httpStatus: number | undefined;

  constructor(
    code: FindingCode,
    detail: string,
    options: FindingOptions & { readonly httpStatus?: number; readonly cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.finding = finding(code, detail, options);
    this.httpStatus = options.httpStatus;
  }
}
