export { type Figures, type Inspection, inspectModel } from './inspection.ts';
export { drawGraph } from './picture/svg.ts';
