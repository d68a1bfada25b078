import { Agent, request } from 'node:http';
import { vibrationStream } from '@covey/example';

/** What the application beside a device sees of it. Latencies in milliseconds, from request to answer read. */
export interface FeederFigures {
  version: string | null;
  variant: string | null;
  perSecond: number;
  p50Ms: number | null;
  p99Ms: number | null;
  answers: number;
  errors: number;
  lastError: string | null;
}

export interface Feeder {
  figures(nowMs: number): FeederFigures;
  /** Feeds the signal of a machine whose sensor has come loose, or the normal one again. */
  setShifted(shifted: boolean): void;
  stop(): void;
}

export interface FeederOptions {
  deviceIndex: number;
  /** Address of the device's inference API; undefined while it has none. */
  url: () => string | undefined;
  intervalMs: number;
}

const windowMs = 5_000;
const requestTimeoutMs = 5_000;

interface Answer {
  atMs: number;
  latencyMs: number;
}

/** Plays the machine beside a device: a window of vibration every interval, through the device's inference API. */
export function startFeeder(options: FeederOptions): Feeder {
  const connections = new Agent({ keepAlive: true, maxSockets: 4 });
  const streams = [false, true].map((shifted) =>
    vibrationStream({ seed: 7, deviceIndex: options.deviceIndex, shifted }),
  );
  const recent: Answer[] = [];
  let shifted = false;
  let served: { version: string; variant: string } | undefined;
  let answers = 0;
  let errors = 0;
  let lastError: string | null = null;

  const feed = async () => {
    const url = options.url();
    const next = streams[shifted ? 1 : 0]?.next();
    if (url === undefined || !next || next.done) return;
    const startMs = performance.now();
    try {
      const answer = await infer(connections, url, next.value.samples);
      // A device that has no model yet is not in error: nothing has been promised.
      if (answer.status === 404 && served === undefined) return;
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.text.slice(0, 200)}`);
      const atMs = performance.now();
      served = servedBy(answer.text);
      answers++;
      recent.push({ atMs, latencyMs: atMs - startMs });
    } catch (error) {
      if (served === undefined) return;
      errors++;
      lastError = error instanceof Error ? error.message : String(error);
    }
  };
  const timer = setInterval(feed, options.intervalMs);

  return {
    figures: (nowMs) => {
      while (recent[0] && recent[0].atMs < nowMs - windowMs) recent.shift();
      const sorted = recent.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
      const at = (share: number) =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
      return {
        version: served?.version ?? null,
        variant: served?.variant ?? null,
        perSecond: sorted.length / (windowMs / 1_000),
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        answers,
        errors,
        lastError,
      };
    },
    setShifted: (value) => {
      shifted = value;
    },
    stop: () => {
      clearInterval(timer);
      connections.destroy();
    },
  };
}

function servedBy(text: string): { version: string; variant: string } {
  const answer = JSON.parse(text) as { model_version?: string; parameters?: { variant?: string } };
  return { version: answer.model_version ?? '?', variant: answer.parameters?.variant ?? '?' };
}

/** One inference with the binary extension of the Open Inference Protocol for the input; the small output comes as JSON. */
function infer(agent: Agent, url: string, samples: Float32Array): Promise<{ status: number; text: string }> {
  const tensor = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const header = JSON.stringify({
    inputs: [
      {
        name: 'vibration',
        datatype: 'FP32',
        shape: [1, 1, samples.length],
        parameters: { binary_data_size: tensor.byteLength },
      },
    ],
  });
  const body = Buffer.concat([Buffer.from(header), tensor]);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL('/v2/models/bearing/infer', url),
      {
        method: 'POST',
        agent,
        headers: {
          'content-length': body.byteLength,
          'inference-header-content-length': Buffer.byteLength(header),
        },
        timeout: requestTimeoutMs,
      },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (part: string) => {
          text += part;
        });
        incoming.on('error', reject);
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${requestTimeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
