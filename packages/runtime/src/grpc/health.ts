import { create, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { Engine } from '../engine/index.ts';
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from '../generated/health_pb.ts';
import type { Call } from './call.ts';
import { type Method, query, readQuery } from './method.ts';
import type { Methods } from './server.ts';

/** How often a watched status is looked at. */
const watchMs = 500;

/**
 * grpc.health.v1.Health. The server is asked for as the empty name, services by theirs; all of them serve when the engine is
 * ready.
 */
export function healthMethods(engine: Engine, services: readonly string[]): Methods {
  const isKnown = (service: string) => service === '' || services.includes(service);
  const status = () => {
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    return engine.isReady() ? SERVING : NOT_SERVING;
  };
  return {
    '/grpc.health.v1.Health/Check': query(
      HealthCheckRequestSchema,
      HealthCheckResponseSchema,
      'server',
      ({ service }) => {
        if (!isKnown(service))
          throw new CoveyError('NOT_FOUND', `there is no service ${service.slice(0, 200)}`);
        return { status: status() };
      },
    ),
    '/grpc.health.v1.Health/Watch': watch(({ service }) =>
      isKnown(service) ? status() : HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN,
    ),
  };
}

/** Answers at once and whenever the status has changed, until the client has gone. */
function watch(
  statusOf: (request: MessageShape<typeof HealthCheckRequestSchema>) => HealthCheckResponse_ServingStatus,
): Method {
  return (call) => {
    call.admit();
    let timer: NodeJS.Timeout | undefined;
    call.read({
      message: (frame) => {
        try {
          if (timer !== undefined) throw new CoveyError('WIRE_MALFORMED', 'the method takes one message');
          const request = readQuery(HealthCheckRequestSchema, frame.bytes);
          timer = setInterval(
            tell(call, () => statusOf(request)),
            watchMs,
          );
        } catch (error) {
          call.fail(toCoveyError(error));
        } finally {
          frame.lease.release(true);
        }
      },
      end: () => {
        if (timer === undefined) call.fail(new CoveyError('WIRE_MALFORMED', 'the method takes a message'));
      },
    });
    call.signal.addEventListener('abort', () => clearInterval(timer));
    call.onStop(() => {
      clearInterval(timer);
      call.fail(new CoveyError('MODEL_UNAVAILABLE', 'the runtime is shutting down'));
    });
  };
}

/** Tells now; the function it gives tells again when there is something new. */
function tell(call: Call, statusNow: () => HealthCheckResponse_ServingStatus): () => void {
  let told: HealthCheckResponse_ServingStatus | undefined;
  const tellNow = () => {
    const status = statusNow();
    if (status === told) return;
    told = status;
    void call.send([toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }))]);
  };
  tellNow();
  return tellNow;
}
