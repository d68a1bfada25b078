/**
 * The controller's /v1 API: one zod schema per request and answer, from which validation, types and OpenAPI are made.
 * Runs in browsers too. All times are Unix milliseconds.
 */
export * from './api/audit.ts';
export * from './api/devices.ts';
export * from './api/links.ts';
export * from './api/models.ts';
export * from './api/monitoring.ts';
export * from './api/rollouts.ts';
export * from './api/terms.ts';
export * from './api/trust.ts';
