export { type DeliveryConditions, mayProceed } from './decide.ts';
