import { CoveyError, limits } from '@covey/protocol';
import type { AdminApp } from './admin.ts';
import { createAllowance } from './allowance.ts';
import type { AdminServices } from './services.ts';

/** A site behind one address may enrol so many devices a minute; a secret of 256 bits is not guessed at this rate. */
const attemptsPerMinute = 120;

/** How a device joins: it reads the CA, compares it with its token, and sends its certificate request. */
export function enrolmentRoutes(app: AdminApp, { identity, clock, changes, urls }: AdminServices): void {
  const attempts = createAllowance({ clock, perMinute: attemptsPerMinute });
  app.get(
    '/enrol/ca',
    { schema: { tags: ['enrolment'], summary: 'The CA certificate (PEM); compare it with the token' } },
    async (_request, reply) => reply.type('application/x-pem-file').send(identity.caPem),
  );
  app.post(
    '/enrol',
    { bodyLimit: limits.enrolBodyBytes, schema: { tags: ['enrolment'], summary: 'Enrol a device by token' } },
    async (request) => {
      if (attempts.isExhausted(request.ip))
        throw new CoveyError('OVERLOADED', `${request.ip} enrolled too often; wait a minute`);
      attempts.spend(request.ip);
      const { mqttUrl, deviceUrl } = urls();
      const answer = await identity.enrol(request.body, { mqttUrl, deviceUrl });
      changes.note('device', answer.deviceId);
      return answer;
    },
  );
}
