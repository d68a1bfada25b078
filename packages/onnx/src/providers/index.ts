export type { Provider } from './kernels.ts';
export { type Placement, placeNodes } from './place.ts';
export { type PlacementSummary, summarizePlacement } from './summary.ts';
