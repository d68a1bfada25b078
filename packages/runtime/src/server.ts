import { type Fetch, systemDisk } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import type { InferenceAccess, InferenceAddresses, InferencePorts, ServingPlan } from '@covey/protocol';
import { createEngine, type Engine, type EngineOptions } from './engine/index.ts';
import {
  type Callers,
  type Certificate,
  createPages,
  freePort,
  type Gateway,
  openCallers,
  openGateway,
  type Pages,
} from './gateway/index.ts';
import type { GrpcServer } from './grpc/index.ts';
import { createHttpService } from './http/index.ts';
import { nodePlatform, profileModel } from './node/index.ts';
import { openInference } from './open-inference/index.ts';
import { prometheus } from './prometheus/index.ts';
import { createRunRecord } from './record/index.ts';
import { tensorflowServing } from './tensorflow-serving/index.ts';
import { torchServe } from './torchserve/index.ts';

export interface InferenceServerOptions
  extends Omit<EngineOptions, 'platform' | 'fetch' | 'record' | 'profileModel'>,
    InferencePorts {
  host: string;
  /** Asks models elsewhere; nodeFetch where it is left out. */
  fetch?: Fetch;
  /** Where it is noted which models run, for who looks after a death; left out where nobody would. */
  recordPath?: string;
  /** A Unix socket beside it, for its owner alone. */
  socketPath?: string;
  /** Absent: programs on this machine alone, without limits. */
  access?: InferenceAccess;
  /** Of pages that may call over loopback, as in `https://panel.example`; left out: none. */
  origins?: string[];
}

/** Models served over the network, by plan. */
export interface InferenceServer {
  /** Begins to answer; until then models may be loaded already. Errors: PORT_IN_USE. */
  listen(): Promise<InferenceAddresses>;
  /** Makes the plan true without failing a request. On an error, the plan before it still serves. See Models.apply. */
  apply(plan: ServingPlan): Promise<void>;
  /** Answers new requests with 503, finishes those that run, gives out all measurements, releases everything. */
  drain(): Promise<void>;
}

/** Time that requests get to arrive and finish once the server drains. */
const drainGraceMs = 10_000;
/** Time that models get after that to release what they hold. */
const releaseGraceMs = 2_000;

/** A server that does not listen yet; nothing is served until a plan is applied. */
export function createInferenceServer(options: InferenceServerOptions): InferenceServer {
  const { recordPath, log } = options;
  const engine = createEngine({
    fetch: nodeFetch,
    ...options,
    platform: nodePlatform,
    profileModel,
    record: recordPath === undefined ? undefined : createRunRecord(recordPath, log),
  });
  const http = createHttpService(engine, [openInference, tensorflowServing, torchServe, prometheus]);
  const grpc: GrpcServer[] = [];
  // Loaded when it is asked for, since it costs memory; before it listens, since a spare takes over at once.
  const isGrpcAsked = options.grpcPort !== undefined || options.tensorflowServingPort !== undefined;
  const grpcModule = isGrpcAsked ? import('./grpc/index.ts') : undefined;
  let gateway: Gateway | undefined;
  return {
    listen: async () => {
      const { port, socketPath, access, clock } = options;
      gateway =
        access && (await openGateway({ clock, disk: systemDisk, log: log.component('gateway') }, access));
      const places = placesOf(options, gateway);
      const address = await listenAt(places, port, http.listen);
      if (socketPath !== undefined) {
        // Beside the port: a full disk, or a path that is taken, shall not keep the device from answering there.
        await http.listenOnPath(socketPath, places[0].callers).catch((error: unknown) => {
          log.write('warn', `no requests are taken on ${socketPath}: ${String(error)}`);
        });
      }
      return {
        ...address,
        ...(grpcModule && (await listenForGrpc(await grpcModule, engine, { ...options, places }, grpc))),
      };
    },
    apply: (plan) => engine.apply(plan),
    drain: async () => {
      engine.stopAccepting();
      await Promise.all([http, ...grpc].map((service) => service.close(drainGraceMs)));
      await gateway?.close();
      await engine.close(releaseGraceMs);
    },
  };
}

/** A host to listen on, and who may call there. */
interface Place {
  host: string;
  reusePort: boolean;
  callers: Callers;
  pages?: Pages;
  certificate?: Certificate;
}

/** This machine first. */
function placesOf(
  { host, access, origins = [] }: InferenceServerOptions,
  gateway: Gateway | undefined,
): [Place, ...Place[]] {
  const { local = openCallers, remote, certificate } = gateway ?? {};
  const isBeside = access?.network !== undefined;
  const pages = createPages(host, origins);
  const here: Place = { host, reusePort: isBeside, callers: local, pages };
  if (!access?.network || !remote || !certificate) return [here];
  return [here, { host: access.network.host, reusePort: true, callers: remote, certificate }];
}

/** On one port everywhere. Gives the address on this machine. */
async function listenAt<T extends { port: number }>(
  places: [Place, ...Place[]],
  port: number,
  listen: (address: Place & { port: number }) => Promise<T>,
): Promise<T> {
  const [here, ...others] = places;
  // The others first: a wildcard address finds out about all.
  const hosts = [...others, here].map(({ host }) => host);
  const listened = await listen({ ...here, port: others.length === 0 ? port : await freePort(hosts, port) });
  for (const place of others) await listen({ ...place, port: listened.port });
  return listened;
}

/** What listens is added to `servers`. */
async function listenForGrpc(
  { serveInference, serveTensorflow }: typeof import('./grpc/index.ts'),
  engine: Engine,
  { grpcPort, tensorflowServingPort, places }: InferencePorts & { places: [Place, ...Place[]] },
  servers: GrpcServer[],
): Promise<Partial<InferenceAddresses>> {
  const addresses: Partial<InferenceAddresses> = {};
  const listen = (port: number, serve: typeof serveInference) =>
    listenAt(places, port, async (address) => {
      const server = await serve(engine, address);
      servers.push(server);
      return server;
    });
  if (grpcPort !== undefined) {
    const server = await listen(grpcPort, serveInference);
    addresses.grpcUrl = server.url;
    addresses.grpcPort = server.port;
  }
  if (tensorflowServingPort !== undefined) {
    const server = await listen(tensorflowServingPort, serveTensorflow);
    addresses.tensorflowServingUrl = server.url;
    addresses.tensorflowServingPort = server.port;
  }
  return addresses;
}
