export { classified } from './classification.ts';
export { modelConfig } from './config.ts';
export { modelMetadata } from './metadata.ts';
export { openInference, serverMetadata } from './protocol.ts';
export { scheduleOf } from './schedule.ts';
export { statisticsDocument } from './statistics.ts';
