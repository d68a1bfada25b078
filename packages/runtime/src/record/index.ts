export { createRunRecord, openRunMark, type RunMark, type RunRecord, type RunSlot } from './record.ts';
