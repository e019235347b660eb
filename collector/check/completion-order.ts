/** Work of which so many pieces may be under way at one time. */
export interface TaskLane<T> {
  readonly tasks: readonly (() => Promise<T>)[];
  readonly parallel: number;
}

/** Runs all lanes side by side and yields each result as it comes. Tasks of a lane begin in their order. @throws what a task throws */
export async function* inCompletionOrder<T>(lanes: readonly TaskLane<T>[]): AsyncGenerator<T> {
  const running = new Map<number, Promise<{ readonly id: number; readonly lane: number; readonly value: T }>>();
  const queues = lanes.map(({ tasks }) => [...tasks]);
  let nextId = 0;
  const begin = (lane: number): void => {
    const task = queues[lane]?.shift();
    if (task === undefined) return;
    const id = nextId++;
    const work = task().then((value) => ({ id, lane, value }));
    // Another task may have ended the whole by then; its rejection is the one that is thrown.
    work.catch(() => undefined);
    running.set(id, work);
  };
  for (const [lane, { parallel }] of lanes.entries()) for (let slot = 0; slot < parallel; slot += 1) begin(lane);
  while (running.size > 0) {
    const { id, lane, value } = await Promise.race(running.values());
    running.delete(id);
    begin(lane);
    yield value;
  }
}
