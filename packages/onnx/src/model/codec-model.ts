import { attributesField, graphField, nodeCodec, valueInfoCodec } from './codec-graph.ts';
import { createGraph } from './create.ts';
import { type Codec, fieldsOf } from './fields.ts';
import type { Model, ModelFunction, Opset } from './types.ts';

const ofOpset = fieldsOf<Opset & { unknown?: Uint8Array }>();

/** OperatorSetIdProto. */
const opsetCodec: Codec<Opset & { unknown?: Uint8Array }> = {
  create: () => ({ domain: '', version: 0 }),
  fields: { 1: ofOpset.text('domain'), 2: ofOpset.integer('version') },
};

const ofFunction = fieldsOf<ModelFunction>();

/** FunctionProto. */
const functionCodec: Codec<ModelFunction> = {
  create: () => ({
    name: '',
    domain: '',
    overload: '',
    inputs: [],
    outputs: [],
    attributeNames: [],
    attributeDefaults: new Map(),
    nodes: [],
    opsets: [],
    valueInfo: [],
    docString: '',
    metadata: new Map(),
  }),
  fields: {
    1: ofFunction.text('name'),
    4: ofFunction.texts('inputs'),
    5: ofFunction.texts('outputs'),
    6: ofFunction.texts('attributeNames'),
    7: ofFunction.messages('nodes', () => nodeCodec),
    8: ofFunction.text('docString'),
    9: ofFunction.messages('opsets', () => opsetCodec),
    10: ofFunction.text('domain'),
    11: attributesField('attributeDefaults'),
    12: ofFunction.messages('valueInfo', () => valueInfoCodec),
    13: ofFunction.text('overload'),
    14: ofFunction.metadata('metadata'),
  },
};

/** ModelProto before its graph is known to be there. */
export type WireModel = Model & { hasGraph: boolean };

const ofModel = fieldsOf<WireModel>();
const graph = graphField('graph');

/** ModelProto; training information and device configurations stay unknown fields. */
export const modelCodec: Codec<WireModel> = {
  create: () => ({
    irVersion: 0,
    opsets: [],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    graph: createGraph(''),
    functions: [],
    metadata: new Map(),
    hasGraph: false,
  }),
  fields: {
    1: ofModel.integer('irVersion'),
    2: ofModel.text('producerName'),
    3: ofModel.text('producerVersion'),
    4: ofModel.text('domain'),
    5: ofModel.int64('modelVersion'),
    6: ofModel.text('docString'),
    7: {
      ...graph,
      read: (model, reader, end, wireType) => {
        graph.read(model, reader, end, wireType);
        model.hasGraph = true;
      },
    },
    8: ofModel.messages('opsets', () => opsetCodec),
    14: ofModel.metadata('metadata'),
    25: ofModel.messages('functions', () => functionCodec),
  },
};
