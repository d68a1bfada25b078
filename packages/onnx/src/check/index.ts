export type { Finding, FindingCode } from './finding.ts';
export { assertModel, checkModel } from './model.ts';
export { sortNodes } from './order.ts';
