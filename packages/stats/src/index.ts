export { type Comparison, compareWithReference, type Finding, type TensorComparison } from './compare.ts';
export { decisions } from './decisions.ts';
export { describeComparison } from './describe.ts';
export { ExponentialHistogramAccumulator, mergeHistograms } from './histogram.ts';
export { MomentsAccumulator, standardDeviation } from './moments.ts';
export { type Quantile, quantile } from './quantile.ts';
export {
  cleanRateBound,
  outputShift,
  rateEvidence,
  rateInterval,
  type ShiftCounts,
} from './sequential.ts';
export { checkSummary, mergeSummaries, SummaryAccumulator } from './summary.ts';
