import { CoveyError } from '@covey/protocol';
import type { Fetch, FetchAnswer, FetchRequest } from '../ports.ts';
import type { SimulatedWorld } from './world.ts';

export interface SimulatedFetch {
  fetch: Fetch;
  /** While false nobody answers. */
  isUp: boolean;
  latencyMs: number;
  /** Requests answered, in order. */
  served: string[];
}

/** HTTP in memory: `answer` is the other side. Bounds on time and size hold as in the real one. */
export function simulatedFetch(
  world: SimulatedWorld,
  answer: (request: FetchRequest) => FetchAnswer | Promise<FetchAnswer>,
): SimulatedFetch {
  const wait = (ms: number) => new Promise<void>((resolve) => world.clock.setTimer(ms, resolve));
  const network: SimulatedFetch = {
    isUp: true,
    latencyMs: 5,
    served: [],
    fetch: async (request) => {
      await wait(Math.min(network.latencyMs, request.timeoutMs));
      if (!network.isUp) throw new CoveyError('UNREACHABLE', `cannot reach ${request.url}`);
      if (network.latencyMs > request.timeoutMs) {
        throw new CoveyError('TIMEOUT', `${request.url} did not answer within ${request.timeoutMs} ms`);
      }
      network.served.push(`${request.method} ${request.url}`);
      const given = await answer(request);
      if (given.body.byteLength > request.maxBytes) {
        throw new CoveyError(
          'PAYLOAD_TOO_LARGE',
          `${request.url} answers with more than ${request.maxBytes} bytes`,
        );
      }
      return given;
    },
  };
  return network;
}
