import type { SearchProgress } from '@covey/onnx';

const stages = {
  calibrate: 'calibrating',
  trial: 'trying',
  sensitivity: 'what hurts most',
  measure: 'timing',
} as const;

/** What a search does, on a line for people. */
export function progressText({ stage, step, done, total }: SearchProgress): string {
  const count = total === undefined ? String(done) : `${done} of ${total}`;
  return `${stages[stage]} ${count} (${subjectOf(stage, step)})`;
}

/** A step is named after all that it depends on; the scheme, lists of nodes and the budget are too long to be read. */
function subjectOf(stage: SearchProgress['stage'], step: string): string {
  const [first = '', second = ''] = step.split('; ');
  if (stage === 'trial') return second.replace(/ \[.*/, ' nodes').replace(/ 1 nodes$/, ' 1 node');
  return stage === 'sensitivity'
    ? second.replace(/^1 from/, '1 node from').replace(/^(\d+) from/, '$1 nodes from')
    : first;
}
