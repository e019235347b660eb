import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { daemonSetFacts } from '#core/cluster/daemon-set-facts.ts';
import { planFromValues } from '../../cli/cluster/doctor/chart-plan.ts';
import { agentPod, objectOf, render, runPod, skipHelm, VALUES, valuesFile, variables, WHY_NO_HELM, type ValuesName } from './helm.ts';

function planned(name: ValuesName): ReturnType<typeof planFromValues> {
  return planFromValues(parse(readFileSync(valuesFile(name), 'utf8')), { namespace: 'gpu', helmRelease: 'r' });
}

describe.skipIf(skipHelm)(`what doctor takes the chart for ${WHY_NO_HELM}`, () => {
  it.each(VALUES)('is what helm renders of it: where agents run, what they ask for, who else is expected (%s)', (name) => {
    const [plan, objects] = [planned(name), render(name)];
    const { collect, sign } = runPod(objects);

    expect(plan.daemonSet).toEqual(daemonSetFacts(objectOf(objects, 'DaemonSet')));
    expect(plan.agent).toEqual(agentPod(objects).containers[0].resources);
    expect(plan.collector).toEqual([collect.resources, sign.resources]);
    expect(plan.expectSelector).toBe(variables(collect)['ASSAY_EXPECT_SELECTOR'] ?? '');
    expect(plan.release).toBe(variables(collect)['ASSAY_RELEASE']);
    expect(plan.checksActive).toBe(variables(collect)['ASSAY_CHECKS_ACTIVE'] === 'true');
  });

  it.each(VALUES)('is where the evidence goes, and who signs it (%s)', (name) => {
    const { registry, signing } = planned(name);
    const { pod, sign } = runPod(render(name));
    const flag = (word: string): string | undefined => sign.args.find((arg: string) => arg.startsWith(`${word}=`))?.slice(word.length + 1);
    const identity = pod.volumes.find((volume: { name: string }) => volume.name === 'identity');

    expect([registry.repository, registry.plainHttp, registry.insecureTls]).toEqual([
      flag('--push'),
      sign.args.includes('--plain-http'),
      sign.args.includes('--insecure-tls'),
    ]);
    expect([signing.enabled, signing.fulcioUrl, signing.rekorUrl, signing.tsaUrl]).toEqual([
      identity !== undefined,
      flag('--fulcio-url'),
      flag('--rekor-url'),
      flag('--tsa-url'),
    ]);
    if (signing.enabled) expect(signing.audience).toBe(identity.projected.sources[0].serviceAccountToken.audience);
  });
});
