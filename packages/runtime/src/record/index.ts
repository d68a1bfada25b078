export { createRunRecord, openRunMark, type RunRecord, type RunSlot } from './record.ts';
