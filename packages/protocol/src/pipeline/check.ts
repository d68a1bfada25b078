import { CoveyError } from '../errors/index.ts';
import type { Classification } from '../manifest.ts';
import type { Datatype, ModelSchema, TensorSpec } from '../tensors/index.ts';
import { givenBy, type Pipeline, readBy, type Stage, stageName } from './pipeline.ts';

type Form = Pick<TensorSpec, 'datatype' | 'shape'>;
/** What is known of a tensor before anything has run; undefined: nothing, as another model gives it. */
type Known = Form | undefined;

/** What a pipeline is checked against. */
export interface PipelineSurroundings {
  /** The bundle's own model. */
  model: string;
  schema: ModelSchema;
  classification?: Classification | undefined;
  /** What clients of another model see; undefined where that is not known yet. Errors of its own: it is not deployed. */
  schemaOf(model: string, version: string | undefined): ModelSchema | undefined;
}

const floats: readonly Datatype[] = ['FP16', 'FP32', 'FP64'];
const wide: readonly Datatype[] = ['BYTES', 'INT64', 'UINT64'];

/**
 * Sees to it that every tensor is given once and before it is read, that types and shapes meet where they are known, and
 * that the outputs are what clients are told. Errors: INVALID_DOCUMENT, naming the stage.
 */
export function checkPipeline(pipeline: Pipeline, about: PipelineSurroundings): void {
  const known = new Map<string, Known>();
  for (const { name, datatype, shape } of pipeline.inputs) {
    if (known.has(name)) throw wrong(`input ${name} is declared twice`);
    known.set(name, { datatype, shape });
  }
  for (const [index, stage] of pipeline.stages.entries()) {
    const fail = (what: string) => wrong(`${stageName(stage, index)}: ${what}`);
    const read = readBy(stage).map((name) => {
      if (!known.has(name)) throw fail(`no stage before it gives ${name}`);
      return known.get(name);
    });
    const given = givenBy(stage);
    const twice = given.find((name, i) => known.has(name) || given.indexOf(name) !== i);
    if (twice !== undefined) throw fail(`${twice} is there already`);
    for (const [name, form] of formsGiven(stage, read, about, fail)) known.set(name, form);
  }
  for (const [i, declared] of pipeline.outputs.entries()) checkOutput(declared, i, pipeline, known);
}

function checkOutput(
  declared: TensorSpec,
  index: number,
  { outputs }: Pipeline,
  known: ReadonlyMap<string, Known>,
): void {
  const { name, datatype, shape } = declared;
  if (!known.has(name)) throw wrong(`no stage gives output ${name}`);
  if (outputs.findIndex((other) => other.name === name) !== index)
    throw wrong(`output ${name} is declared twice`);
  const form = known.get(name);
  const holds =
    form === undefined ||
    (form.datatype === datatype &&
      form.shape.length === shape.length &&
      shape.every((size, i) => size === -1 || size === form.shape[i]));
  if (!holds) throw wrong(`output ${name} is ${said(form)}, and declared as ${datatype} [${shape}]`);
}

type Fail = (what: string) => CoveyError;
type Forms = [name: string, form: Known][];

function formsGiven(stage: Stage, read: Known[], about: PipelineSurroundings, fail: Fail): Forms {
  const [input] = read;
  switch (stage.kind) {
    case 'model':
      return modelForms(stage, read, about, fail);
    case 'preprocess':
      return [[stage.output, preprocessed(stage, input, fail)]];
    case 'constant':
      return [[stage.output, constantForm(stage, input, fail)]];
    case 'normalize':
      return [[stage.output, normalized(stage, input, fail)]];
    case 'softmax':
    case 'sigmoid':
      return [[stage.output, ofFloats(input, stage.kind === 'softmax' ? 1 : 0, fail)]];
    case 'select':
      return [[stage.output, selected(stage, input, fail)]];
    case 'argmax': {
      const form = ofFloats(input, 1, fail);
      return [[stage.output, form && { datatype: 'INT64', shape: form.shape.slice(0, -1) }]];
    }
    case 'top-k':
      return topForms(stage, input, about, fail);
    case 'non-maximum-suppression':
      return suppressedForms(stage, read, fail);
  }
}

type StageOf<K extends Stage['kind']> = Extract<Stage, { kind: K }>;

function modelForms(stage: StageOf<'model'>, read: Known[], about: PipelineSurroundings, fail: Fail): Forms {
  const { model, version, inputs, outputs } = stage;
  if (model === about.model) throw fail('a pipeline calls its own model by leaving the name out');
  if (model === undefined && version !== undefined) throw fail('the own model has no other version here');
  const schema = model === undefined ? about.schema : about.schemaOf(model, version);
  if (schema === undefined) return Object.values(outputs).map((name) => [name, undefined]);
  for (const [i, name] of Object.keys(inputs).entries()) {
    const spec = schema.inputs.find((candidate) => candidate.name === name);
    if (!spec) throw fail(`the model has no input ${name}; it has ${namesOf(schema.inputs)}`);
    const form = read[i];
    if (form && !fits(form, spec))
      throw fail(`input ${name} takes ${said(spec)}, ${Object.values(inputs)[i]} is ${said(form)}`);
  }
  const missing = schema.inputs.find(({ name }) => !Object.hasOwn(inputs, name));
  if (missing) throw fail(`input ${missing.name} of the model is given nothing`);
  return Object.entries(outputs).map(([name, tensor]) => {
    const spec = schema.outputs.find((candidate) => candidate.name === name);
    if (!spec) throw fail(`the model has no output ${name}; it has ${namesOf(schema.outputs)}`);
    return [tensor, { datatype: spec.datatype, shape: spec.shape }];
  });
}

function preprocessed({ form, input: name }: StageOf<'preprocess'>, input: Known, fail: Fail): Form {
  if (input && (input.datatype !== 'BYTES' || input.shape.length !== 1))
    throw fail(`takes BYTES [n], ${name} is ${said(input)}`);
  const [files = -1] = input?.shape ?? [];
  if (form.kind === 'audio') {
    if (input && files !== 1) throw fail(`takes one recording, BYTES [1], ${name} is ${said(input)}`);
    return { datatype: 'FP32', shape: [-1, form.windowSamples] };
  }
  const { width, height, datatype, layout } = form;
  const channels = form.channels === 'grey' ? 1 : 3;
  const shape = layout === 'nchw' ? [files, channels, height, width] : [files, height, width, channels];
  return { datatype, shape };
}

function constantForm(stage: StageOf<'constant'>, rows: Known, fail: Fail): Form {
  const { datatype, shape, value, rowsOf } = stage;
  const varying = shape.filter((size) => size === -1).length;
  if (varying !== (rowsOf === undefined ? 0 : 1))
    throw fail('one dimension of -1 goes with rowsOf, and none without');
  if (rows && rows.shape.length === 0) throw fail(`${rowsOf} has no rows`);
  if (shape.reduce((product, size) => product * Math.abs(size), 1) > mostConstantElements)
    throw fail(`it has more than ${mostConstantElements} elements`);
  if (!floats.includes(datatype) && !Number.isSafeInteger(value)) throw fail(`${value} is no ${datatype}`);
  const size = rows?.shape[0] ?? -1;
  return { datatype, shape: shape.map((dimension) => (dimension === -1 ? size : dimension)) };
}

const mostConstantElements = 1024 * 1024;

function normalized(stage: StageOf<'normalize'>, input: Known, fail: Fail): Known {
  const { mean, scale } = stage;
  if (scale.includes(0)) throw fail('a scale of 0 divides by zero');
  if (!input) return undefined;
  if (wide.includes(input.datatype)) throw fail(`cannot normalize ${input.datatype}`);
  const size = input.shape[placeOf(stage.axis, input, fail)] ?? -1;
  for (const { length } of [mean, scale]) {
    if (length !== 1 && size !== -1 && length !== size)
      throw fail(`${length} numbers along a dimension of ${size}`);
  }
  return { datatype: 'FP32', shape: input.shape };
}

function selected({ axis, index }: StageOf<'select'>, input: Known, fail: Fail): Known {
  if (!input) return undefined;
  if (input.datatype === 'BYTES') throw fail('cannot select from BYTES');
  const place = placeOf(axis, input, fail);
  const size = input.shape[place] ?? -1;
  if (size !== -1 && index >= size) throw fail(`there is no index ${index} in a dimension of ${size}`);
  return { datatype: input.datatype, shape: input.shape.toSpliced(place, 1) };
}

function topForms(stage: StageOf<'top-k'>, input: Known, about: PipelineSurroundings, fail: Fail): Forms {
  const { k, values, indices, labels } = stage;
  const size = ofFloats(input, 1, fail)?.shape.at(-1) ?? -1;
  if (size !== -1 && k > size) throw fail(`there are no ${k} greatest of ${size}`);
  const names = about.classification?.classNames.length;
  if (labels !== undefined && names === undefined)
    throw fail('labels need class names: the bundle has no classification');
  if (labels !== undefined && size !== -1 && names !== size)
    throw fail(`${names} class names for a dimension of ${size}`);
  const of = (datatype: Datatype): Known => input && { datatype, shape: [...input.shape.slice(0, -1), k] };
  const forms: Forms = [
    [values, of('FP32')],
    [indices, of('INT32')],
  ];
  return labels === undefined ? forms : [...forms, [labels, of('BYTES')]];
}

function suppressedForms(stage: StageOf<'non-maximum-suppression'>, read: Known[], fail: Fail): Forms {
  const [boxes, scores] = read.map((form) => ofFloats(form, 2, fail));
  const corners = boxes?.shape.at(-1) ?? 4;
  if ((corners !== 4 && corners !== -1) || (boxes && boxes.shape.length > 3))
    throw fail(`boxes are [n,4] or [rows,n,4], ${stage.boxes} is ${said(boxes)}`);
  if (boxes && scores && !fits({ ...boxes, shape: [...boxes.shape.slice(0, -1), -1] }, scores))
    throw fail(`there is a box for every row of scores: ${said(boxes)} and ${said(scores)}`);
  const { outputs } = stage;
  const forms: Forms = [
    [outputs.boxes, { datatype: 'FP32', shape: [-1, 4] }],
    [outputs.scores, { datatype: 'FP32', shape: [-1] }],
    [outputs.classes, { datatype: 'INT32', shape: [-1] }],
  ];
  return outputs.rows === undefined ? forms : [...forms, [outputs.rows, { datatype: 'INT32', shape: [-1] }]];
}

/** FP32 of the same shape. */
function ofFloats(input: Known, leastRank: number, fail: Fail): Known {
  if (!input) return undefined;
  if (!floats.includes(input.datatype)) throw fail(`takes floats, not ${said(input)}`);
  if (input.shape.length < leastRank)
    throw fail(`takes at least ${leastRank} dimensions, not ${said(input)}`);
  return { datatype: 'FP32', shape: input.shape };
}

function placeOf(axis: number, input: Form, fail: Fail): number {
  const rank = input.shape.length;
  if (axis >= rank || axis < -rank) throw fail(`there is no axis ${axis} in ${said(input)}`);
  return axis < 0 ? axis + rank : axis;
}

function fits(form: Form, spec: Form): boolean {
  return (
    form.datatype === spec.datatype &&
    form.shape.length === spec.shape.length &&
    form.shape.every((size, i) => size === -1 || spec.shape[i] === -1 || size === spec.shape[i])
  );
}

function said(form: Known): string {
  return form ? `${form.datatype} [${form.shape}]` : 'not known';
}

function namesOf(tensors: readonly TensorSpec[]): string {
  return tensors.map(({ name }) => name).join(', ');
}

function wrong(what: string): CoveyError {
  return new CoveyError('INVALID_DOCUMENT', `pipeline: ${what}`.slice(0, 1_000));
}
