import { type IdentityAnswer, limits, type RenewalAnswer } from '@covey/protocol';
import type { FastifyInstance } from 'fastify';
import type { Peers } from './peers.ts';
import type { DeviceServices } from './services.ts';

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
  app.post(
    '/identity/renewal',
    { bodyLimit: limits.enrolBodyBytes },
    (request): Promise<RenewalAnswer> => identity.renew(peers.certificateOf(request), request.body),
  );
}
