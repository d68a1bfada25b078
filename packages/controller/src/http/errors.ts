import type { Log } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';

/** Any error as one of the catalogue. What fastify refuses by itself keeps its words. */
function errorOf(error: unknown): CoveyError {
  if (error instanceof CoveyError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [first] = error.validation;
    const field = first?.instancePath.split('/').filter(Boolean).join('.');
    return new CoveyError(
      'INVALID_DOCUMENT',
      `${field || error.validationContext || 'request'}: ${first?.message}`,
    );
  }
  const { statusCode, message } = error as FastifyError;
  if (statusCode === 413) return new CoveyError('PAYLOAD_TOO_LARGE', message);
  if (statusCode !== undefined && statusCode < 500) return new CoveyError('INVALID_DOCUMENT', message);
  return toCoveyError(error);
}

/** Answers with {code, message, remedy}; a fault of ours goes to the log and its words stay there. */
export function errorHandler(log: Log) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const error = errorOf(thrown);
    if (error.code !== 'INTERNAL') return reply.code(error.status).send(error.toJSON());
    const cause = thrown instanceof Error ? thrown.stack : String(thrown);
    log.write('error', 'request failed', { request: request.id, url: request.url, cause });
    const message = `request ${request.id} met a fault; the log of the controller has the details`;
    return reply.code(error.status).send(new CoveyError('INTERNAL', message).toJSON());
  };
}

export function notFoundHandler(request: FastifyRequest, reply: FastifyReply) {
  const error = new CoveyError('NOT_FOUND', `there is no ${request.method} ${request.url.split('?')[0]}`);
  return reply.code(error.status).send(error.toJSON());
}
