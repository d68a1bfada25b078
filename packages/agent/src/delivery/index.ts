export { type NeededBytes, smallFileBytes } from './decide.ts';
export { type DeliveryOptions, noOrder, openPassage, type Passage } from './delivery.ts';
export { Held } from './held.ts';
export { type LocalWatch, watchLocal } from './watch.ts';
