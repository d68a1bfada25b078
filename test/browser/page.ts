import {
  elements,
  type Inference,
  type InferOptions,
  type OpenOptions,
  open,
  tensor,
  type WebModel,
  type WebRuntime,
} from '@covey/runtime/browser';

/** The program of a page that a test drives: what it is asked to do, and what it has seen. Values go over as JSON. */

type Inputs = Record<string, { values?: number[]; shape: number[]; fileBase64?: string }>;

const seen = {
  warnings: [] as Record<string, unknown>[],
  requests: 0,
  summaries: [] as string[],
};
const options: OpenOptions = {
  workerUrl: '/covey-worker.js',
  assetsUrl: '/assets',
  metricsIntervalMs: 500,
  summaryIntervalMs: 500,
  onMetrics: ({ models }) => {
    for (const { requests } of models) seen.requests += requests;
  },
  onSummary: ({ model }) => seen.summaries.push(model),
  onWarning: (message, details) => seen.warnings.push({ message, ...details }),
};
const runtimes: WebRuntime[] = [];

function opened(): WebRuntime {
  const last = runtimes.at(-1);
  if (!last) throw new Error('nothing is open');
  return last;
}

function inputsOf(inputs: Inputs) {
  const made = Object.entries(inputs).map(([name, { values = [], shape, fileBase64 }]) => [
    name,
    fileBase64 === undefined
      ? tensor(Float32Array.from(values), shape)
      : tensor([Uint8Array.fromBase64(fileBase64)], shape),
  ]);
  return Object.fromEntries(made);
}

function numbersOf({ outputs, ...answer }: Inference) {
  const numbers = Object.entries(outputs).map(([name, output]) => [
    name,
    Array.from(elements(output) as Float32Array),
  ]);
  return { ...answer, outputs: Object.fromEntries(numbers) };
}

/** What an error says, as JSON can. */
async function told<T>(work: Promise<T>): Promise<T | { code: string; message: string }> {
  return work.catch(({ code, message }) => ({ code, message: `${message}` }));
}

/** Requests one after the other, from so many callers at a time, until `stop` is called. */
const load = {
  isOn: false,
  versions: {} as Record<string, number>,
  failures: [] as unknown[],
  ended: [] as Promise<void>[],
};

/** The last is asked after the load was told to end, so that what serves then has answered. */
async function caller(model: string, inputs: Inputs): Promise<void> {
  for (let isLast = false; !isLast; ) {
    isLast = !load.isOn;
    await opened()
      .infer(model, inputsOf(inputs))
      .then(({ version }) => {
        load.versions[version] = (load.versions[version] ?? 0) + 1;
      })
      .catch(({ code, message }) => load.failures.push({ code, message }));
  }
}

/** How late a timer of the page fired at worst while `work` was under way, milliseconds. */
async function worstDelayDuring(work: Promise<unknown>): Promise<number> {
  let worstMs = 0;
  let isOver = false;
  const over = work.finally(() => (isOver = true));
  while (!isOver) {
    const dueMs = performance.now() + 10;
    await new Promise((resolve) => setTimeout(resolve, 10));
    worstMs = Math.max(worstMs, performance.now() - dueMs);
  }
  await over;
  return worstMs;
}

async function damage(sha256: string): Promise<void> {
  const root = await navigator.storage.getDirectory();
  const file = await (await root.getDirectoryHandle('covey-files')).getFileHandle(sha256);
  const writable = await file.createWritable({ keepExistingData: true });
  await writable.write({ type: 'write', position: 100, data: Uint8Array.of(1, 2, 3) });
  await writable.close();
}

async function keptFiles(): Promise<string[]> {
  const root = await navigator.storage.getDirectory();
  const names: string[] = [];
  for await (const name of (await root.getDirectoryHandle('covey-files')).keys()) names.push(name);
  return names.sort();
}

const actions = {
  open: (models: WebModel[], more: Partial<OpenOptions> = {}) =>
    told(
      open(models, { ...options, ...more }).then((runtime) => {
        runtimes.push(runtime);
        return runtime.choices();
      }),
    ),
  replace: (models: WebModel[]) => told(opened().replace(models)),
  ask: (model: string, inputs: Inputs, asked: InferOptions = {}) =>
    told(opened().infer(model, inputsOf(inputs), asked).then(numbersOf)),
  askWatched: async (model: string, inputs: Inputs) => {
    const asked = actions.ask(model, inputs);
    return { worstDelayMs: await worstDelayDuring(asked), answer: await asked };
  },
  schema: async (model: string) => opened().schema(model),
  beginLoad: async (model: string, inputs: Inputs, callers: number) => {
    Object.assign(load, { isOn: true, versions: {}, failures: [] });
    load.ended = Array.from({ length: callers }, () => caller(model, inputs));
  },
  endLoad: async () => {
    load.isOn = false;
    await Promise.all(load.ended);
    return { versions: load.versions, failures: load.failures };
  },
  close: async () => {
    await runtimes.pop()?.close();
  },
  seen: async () => ({ ...seen, isIsolated: crossOriginIsolated }),
  damage,
  keptFiles,
  /** From now on the page comes from a service worker, but for what lies under /models/. */
  keepPage: async () => {
    await navigator.serviceWorker.register('/service-worker.js');
    await navigator.serviceWorker.ready;
  },
  adapter: async () => (await navigator.gpu?.requestAdapter())?.info.description ?? null,
};

Object.assign(globalThis, { covey: actions });
