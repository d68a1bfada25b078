import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What came of the requests so far. */
export interface LoadFigures {
  /** Answers by the version that gave them. */
  answers: Record<string, number>;
  /** Failed requests by what failed: an errno, or status and code. */
  failures: Record<string, number>;
  /** Longest time in which no answer came. */
  longestGapMs: number;
}

export interface Load {
  figures(): LoadFigures;
  /** Resolves at the first answer of `version` that was asked for from now on. */
  answerOf(version: string): Promise<void>;
  /** Lets the requests under way end. */
  stop(): Promise<LoadFigures>;
}

/** Before a connection asks again: over a hundred requests a second meet every moment, and leave the processors to the journey. */
const pauseMs = 25;

/**
 * Asks `model` at `url` for one inference shortly after the other on each of `connections` kept-alive connections, with FP32 input `x` of
 * shape [rows, 4], until it is stopped.
 */
export function startLoad(url: string, model: string, { connections = 4, rows = 1 } = {}): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const body = JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 4], data: new Array(rows * 4).fill(0.25) }],
  });
  const figures: LoadFigures = { answers: {}, failures: {}, longestGapMs: 0 };
  const waiting = new Set<{ version: string; sinceMs: number; resolve: () => void }>();
  let isStopped = false;
  let lastMs = performance.now();

  const ask = async () => {
    const askedMs = performance.now();
    const outcome = await inferenceOutcome(`${url}/v2/models/${model}/infer`, body, agent);
    if ('failure' in outcome) {
      figures.failures[outcome.failure] = (figures.failures[outcome.failure] ?? 0) + 1;
      return;
    }
    const nowMs = performance.now();
    figures.longestGapMs = Math.max(figures.longestGapMs, nowMs - lastMs);
    lastMs = nowMs;
    figures.answers[outcome.version] = (figures.answers[outcome.version] ?? 0) + 1;
    for (const waiter of waiting) {
      if (waiter.version !== outcome.version || askedMs < waiter.sinceMs) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };
  const clients = Array.from({ length: connections }, async () => {
    while (!isStopped) {
      await ask();
      await sleep(pauseMs);
    }
  });
  return {
    figures: () => structuredClone(figures),
    answerOf: (version) =>
      new Promise((resolve) => waiting.add({ version, sinceMs: performance.now(), resolve })),
    stop: async () => {
      isStopped = true;
      await Promise.all(clients);
      agent.destroy();
      return figures;
    },
  };
}

type InferenceOutcome = { version: string } | { failure: string };

function inferenceOutcome(url: string, body: string, agent: Agent): Promise<InferenceOutcome> {
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) => resolve({ failure: error.code ?? error.message });
    const outgoing = request(url, { method: 'POST', agent, timeout: 30_000 }, (incoming) => {
      read(incoming).then((text) => {
        if (incoming.statusCode === 200) resolve({ version: versionOf(text) });
        else resolve({ failure: `${incoming.statusCode} ${incoming.headers['x-covey-error-code']}` });
      }, fail);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

async function read(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
  return text;
}

function versionOf(text: string): string {
  return (JSON.parse(text) as { model_version: string }).model_version;
}
