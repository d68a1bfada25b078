export { forgetBoots } from './apply.ts';
export type { IngestHandlers, ReportedMessage } from './handlers.ts';
export { createIngest, type Ingest, type IngestOptions } from './ingest.ts';
