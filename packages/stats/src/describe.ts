import { type Comparison, minInferences, type Shift, type TensorComparison } from './compare.ts';

/** The comparison in plain English, one line each: the finding, then what shifted and by how much. */
export function describeComparison(comparison: Comparison): string[] {
  const { inferences, referenceInferences, finding } = comparison;
  if (finding === 'insufficient_data') {
    return [
      `Not enough data to tell: ${inferences} inferences against ${referenceInferences} in the reference, ` +
        `at least ${minInferences} of each are needed.`,
    ];
  }
  if (finding === 'stable') {
    return [`Inputs and outputs look like the reference (${inferences} inferences).`];
  }
  const lines = [`Inputs or outputs differ from the reference (${inferences} inferences):`];
  for (const tensor of comparison.tensors) {
    for (const shift of tensor.shifts) lines.push(`  ${label(tensor)}: ${describeShift(tensor, shift)}`);
  }
  if (comparison.classes?.finding === 'shifted') {
    lines.push(
      `  classes: ${percent(comparison.classes.totalVariation)} of the decisions moved to other classes`,
    );
  }
  return lines;
}

function label({ output, name }: TensorComparison): string {
  return `${output ? 'output' : 'input'} ${name}`;
}

function describeShift(tensor: TensorComparison, shift: Shift): string {
  if (shift === 'missing') {
    return `${percent(tensor.missingRate)} of the values are missing (reference ${percent(tensor.referenceMissingRate)})`;
  }
  if (shift === 'out_of_range') {
    return `${percent(tensor.outOfRangeRate)} of the values lie outside the range of the reference`;
  }
  const figures = [`PSI ${(tensor.psi ?? 0).toFixed(2)}`];
  if (tensor.meanShift !== null) figures.push(`mean moved by ${tensor.meanShift.toFixed(2)} sigma`);
  if (tensor.sigmaRatio !== null)
    figures.push(`spread ${tensor.sigmaRatio.toFixed(2)} times the reference's`);
  return `values are distributed differently (${figures.join(', ')})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
