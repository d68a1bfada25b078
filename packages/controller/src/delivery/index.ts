export { createDeliveryMeter, type DeliveryMeter } from './meter.ts';
