export { type AuditEntry, type AuditPage, type AuditQuery, queryAudit, writeAudit } from './audit.ts';
export { createRefusalAudit, type RefusalAudit } from './refusals.ts';
