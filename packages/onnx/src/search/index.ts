export {
  type SearchedVariant,
  type SearchRequest,
  type SearchResult,
  type SensitivityRequest,
  searchPrecision,
  sensitivity,
} from './precision.ts';
export { dynamicSchemes, type Scheme, schemeName, staticSchemes } from './scheme.ts';
export type { GroupHarm } from './sensitivity.ts';
export type { OnStep, SearchProgress, SearchState } from './steps.ts';
export type { Measure } from './timed.ts';
export type { Trial } from './trials.ts';
