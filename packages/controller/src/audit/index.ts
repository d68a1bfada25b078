export { type AuditEntry, queryAudit, writeAudit } from './audit.ts';
export { createRefusalAudit, type RefusalAudit } from './refusals.ts';
