export { observedValues, type Ranges } from './activations.ts';
export type { Range } from './affine.ts';
export type { NodeCost } from './cost.ts';
export { type DynamicOptions, quantizeDynamic } from './dynamic.ts';
export { storeHalf } from './half.ts';
export { regionOf } from './region.ts';
export { quantizableNodes, quantizeStatic, type StaticOptions } from './static.ts';
export { type CostModel, costModel, unprofitableNodes } from './unprofitable.ts';
export { quantizeWeights, type WeightOptions } from './weight-only.ts';
