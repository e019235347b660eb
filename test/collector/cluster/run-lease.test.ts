import { describe, expect, it } from 'vitest';
import { at } from '#core/cluster/object-value.ts';
import { AssayError } from '#core/error.ts';
import { createLog } from '#core/log.ts';
import { takeLease, type HeldLease, type LeaseOptions } from '../../../collector/cluster/run-lease.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const NAME = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'ns', name: 'r' };
const START_MS = Date.parse('2026-01-02T03:04:05Z');

/** A lease, and time that passes when somebody waits. */
class Scene {
  readonly cluster: MemoryCluster;
  readonly lost: AssayError[] = [];
  /** What others do while this one waits. */
  readonly meanwhile: ((elapsedMs: number) => void)[] = [];
  #elapsedMs = 0;

  constructor(spec: object | undefined, options: MemoryClusterOptions = {}) {
    const objects = spec === undefined ? [] : [{ ...NAME, metadata: { name: 'r', namespace: 'ns', labels: { keep: 'me' } }, spec }];
    this.cluster = new MemoryCluster({ ...options, objects });
  }

  take(holder: string, change: Partial<LeaseOptions> = {}): Promise<HeldLease> {
    const clock = { nowMs: () => START_MS + this.#elapsedMs, monotonicMs: () => this.#elapsedMs };
    const log = createLog({ program: 'test', level: 'silent' });
    const onLost = (error: AssayError): void => void this.lost.push(error);
    const { signal } = new AbortController();
    return takeLease({
      cluster: this.cluster,
      namespace: 'ns',
      release: 'r',
      holder,
      clock,
      log,
      signal,
      onLost,
      wait: this.wait,
      ...change,
    });
  }

  readonly wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    this.#elapsedMs += ms;
    for (const act of this.meanwhile) act(this.#elapsedMs);
  };

  put(spec: object): void {
    this.cluster.put({ ...NAME, metadata: { name: 'r', namespace: 'ns' }, spec });
  }

  async spec(): Promise<unknown> {
    return at(await this.cluster.read(NAME), 'spec');
  }
}

const HELD = { holderIdentity: 'job-1', leaseDurationSeconds: 30, renewTime: '2026-01-02T03:04:00.000000Z', leaseTransitions: 4 };

describe('lease of a release', () => {
  it('is taken when nobody holds it, and keeps what else stands in the object', async () => {
    const scene = new Scene({});
    const lease = await scene.take('job-2');

    expect(await scene.spec()).toEqual({
      holderIdentity: 'job-2',
      leaseDurationSeconds: 30,
      renewTime: '2026-01-02T03:04:05.000000Z',
      acquireTime: '2026-01-02T03:04:05.000000Z',
      leaseTransitions: 1,
    });
    expect((await scene.cluster.read(NAME))?.metadata.labels).toEqual({ keep: 'me' });
    await lease.end(true);
  });

  it('is one with the pod before in the same Job', async () => {
    const scene = new Scene(HELD);
    const lease = await scene.take('job-1');

    expect(await scene.spec()).toEqual({ ...HELD, renewTime: '2026-01-02T03:04:05.000000Z' });
    await lease.end(false);
    expect(await scene.spec()).toMatchObject({ holderIdentity: 'job-1' });
  });

  it('is given back at the end, for the next run to begin at once', async () => {
    const scene = new Scene({});
    await (await scene.take('job-1')).end(true);

    expect(await scene.spec()).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
  });

  it('is not taken from somebody who renews it', async () => {
    const scene = new Scene(HELD);
    scene.meanwhile.push((elapsedMs) => elapsedMs >= 10_000 && scene.put({ ...HELD, renewTime: '2026-01-02T03:04:10.000000Z' }));

    expect(await codeOfPromise(scene.take('job-2'))).toBe('RUN_BUSY');
    expect(await scene.spec()).toMatchObject({ holderIdentity: 'job-1' });
  });

  it('is taken from somebody who did not renew it for its whole time, whatever the clocks say', async () => {
    const scene = new Scene({ ...HELD, renewTime: '2036-01-01T00:00:00.000000Z' });
    const lease = await scene.take('job-2');

    expect(await scene.spec()).toMatchObject({ holderIdentity: 'job-2', acquireTime: '2026-01-02T03:04:37.000000Z', leaseTransitions: 5 });
    await lease.end(true);
  });

  it('is not waited for longer than anybody may hold it', async () => {
    const scene = new Scene({ ...HELD, leaseDurationSeconds: 86_400 });
    await (await scene.take('job-2')).end(true);

    expect(await scene.spec()).toMatchObject({ leaseTransitions: 5 });
  });

  it('goes to one of two who want it at the same time', async () => {
    const scene = new Scene({});
    const [first, second] = await Promise.allSettled([scene.take('job-1'), scene.take('job-2')]);

    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    for (const taken of [first, second]) if (taken.status === 'fulfilled') await taken.value.end(true);
  });

  it('is lost when another one has it, and that is told once', async () => {
    const scene = new Scene({});
    const lost = Promise.withResolvers<AssayError>();
    const lease = await scene.take('job-1', { onLost: (error) => lost.resolve(error) });
    scene.put({ ...HELD, holderIdentity: 'job-2' });

    expect((await lost.promise).code).toBe('RUN_BUSY');
    await lease.end(true);
    expect(await scene.spec()).toMatchObject({ holderIdentity: 'job-2' });
  });

  it('is kept through an outage of the API server', async () => {
    let isOut = false;
    const scene = new Scene({}, { fault: () => (isOut ? new AssayError('CLUSTER_UNREACHABLE', 'down') : undefined) });
    const lease = await scene.take('job-1');
    isOut = true;
    const back = Promise.withResolvers<void>();
    scene.meanwhile.push((elapsedMs) => {
      if (elapsedMs < 60_000) return;
      isOut = false;
      if (elapsedMs > 90_000) back.resolve();
    });
    await back.promise;
    await lease.end(false);

    expect(scene.lost).toEqual([]);
    expect(await scene.spec()).toMatchObject({ holderIdentity: 'job-1' });
  });

  it('needs its object', async () => {
    expect(await codeOfPromise(new Scene(undefined).take('job-1'))).toBe('CONFIG_INVALID');
  });

  it('tells of rights that are missing', async () => {
    const scene = new Scene({}, { fault: ({ verb }) => (verb === 'replace' ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined) });

    expect(await codeOfPromise(scene.take('job-1'))).toBe('CLUSTER_FORBIDDEN');
  });
});
