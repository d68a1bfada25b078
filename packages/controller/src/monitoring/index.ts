export { listEvents } from './events.ts';
export { monitoringHandlers } from './handlers.ts';
export { queryMetrics } from './metrics.ts';
export { pruneTelemetry } from './retention.ts';
export { querySummaries } from './summaries.ts';
export { explainServing } from './why.ts';
