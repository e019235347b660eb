/** Stops early when the wrong Node runs the tests: calling .bin/vitest from a bare shell would use the system's. */
export function setup(): void {
  const [major] = process.versions.node.split('.');
  if (Number(major) < 24)
    throw new Error(`Node ${process.versions.node} runs this; Assay needs 24 or newer. Use "npm test" or "npx vitest run".`);
}
