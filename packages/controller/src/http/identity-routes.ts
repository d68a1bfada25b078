import { type IdentityAnswer, limits, type RenewalAnswer } from '@covey/protocol';
import type { FastifyInstance } from 'fastify';
import type { Peers } from './peers.ts';
import { sendRange } from './send-range.ts';
import type { DeviceServices } from './services.ts';

/** By which a device finds out whether ranges get through to it whole: the numbers 0 to 255, sixteen times. */
const sample = Uint8Array.from({ length: 4_096 }, (_, index) => index & 0xff);

/** What a device asks about itself, and its new certificate: the one route that takes an expired one. */
export function identityRoutes(app: FastifyInstance, services: DeviceServices, peers: Peers): void {
  const { identity } = services;
  app.get('/identity', async (request): Promise<IdentityAnswer> => {
    const { device, isRenewalDue } = await peers.check(request);
    return {
      deviceId: device,
      renewalDue: isRenewalDue,
      caPem: identity.caPem,
      online: services.isOnline(device),
      now: services.clock.now(),
    };
  });
  app.get('/identity/sample', async (request, reply) => {
    await peers.check(request);
    return sendRange(reply.header('cache-control', 'no-store'), sample, request.headers.range);
  });
  app.post(
    '/identity/renewal',
    { bodyLimit: limits.enrolBodyBytes },
    (request): Promise<RenewalAnswer> => identity.renew(peers.certificateOf(request), request.body),
  );
}
