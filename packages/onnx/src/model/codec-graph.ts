import { WireType } from '@bufbuild/protobuf/wire';
import { CoveyError } from '@covey/protocol';
import { readAttribute, writeAttribute } from './codec-attribute.ts';
import { readConstant, sparseConstantCodec, writeConstant } from './codec-constant.ts';
import { readType, writeType } from './codec-type.ts';
import { createGraph, createNode, createValueInfo } from './create.ts';
import { type Codec, type Field, fieldsOf, readMessage, writeMessage } from './fields.ts';
import type { Attribute, Graph, Node, ValueInfo } from './types.ts';

const ofValue = fieldsOf<ValueInfo>();

/** ValueInfoProto. */
export const valueInfoCodec: Codec<ValueInfo> = {
  create: () => createValueInfo(''),
  fields: {
    1: ofValue.text('name'),
    2: {
      wireType: WireType.LengthDelimited,
      read: (info, reader, end) => {
        info.type = reader.message(end, (innerEnd) => readType(reader, innerEnd));
      },
      write: ({ type }, writer, number) => {
        if (type) writer.message(number, (inner) => writeType(inner, type));
      },
    },
    3: ofValue.text('docString'),
    4: ofValue.metadata('metadata'),
  },
};

/** A list of AttributeProto as the map under `key`. Errors: MODEL_INVALID for a name that comes twice. */
export function attributesField<Key extends string>(
  key: Key,
): Field<Record<Key, Map<string, Attribute>> & { name: string }> {
  return {
    wireType: WireType.LengthDelimited,
    read: (owner, reader, end) => {
      const { name, attribute } = reader.message(end, (innerEnd) => readAttribute(reader, innerEnd));
      if (owner[key].has(name))
        throw new CoveyError('MODEL_INVALID', `attribute "${name}" of "${owner.name}" is there twice`);
      owner[key].set(name, attribute);
    },
    write: (owner, writer, number) => {
      for (const [name, attribute] of owner[key])
        writer.message(number, (inner) => writeAttribute(inner, name, attribute));
    },
  };
}

const ofNode = fieldsOf<Node>();

/** NodeProto. */
export const nodeCodec: Codec<Node> = {
  create: () => createNode('', [], []),
  fields: {
    1: ofNode.texts('inputs'),
    2: ofNode.texts('outputs'),
    3: ofNode.text('name'),
    4: ofNode.text('opType'),
    5: attributesField('attributes'),
    6: ofNode.text('docString'),
    7: ofNode.text('domain'),
    8: ofNode.text('overload'),
    9: ofNode.metadata('metadata'),
  },
};

const ofGraph = fieldsOf<Graph>();

/** GraphProto; quantization annotations stay unknown fields. */
export const graphCodec: Codec<Graph> = {
  create: () => createGraph(''),
  fields: {
    1: ofGraph.messages('nodes', () => nodeCodec),
    2: ofGraph.text('name'),
    5: {
      wireType: WireType.LengthDelimited,
      read: ({ initializers }, reader, end) => {
        const constant = reader.message(end, (innerEnd) => readConstant(reader, innerEnd));
        if (constant.name === '') throw new CoveyError('MODEL_INVALID', 'an initializer has no name');
        if (initializers.has(constant.name))
          throw new CoveyError('MODEL_INVALID', `initializer "${constant.name}" is there twice`);
        initializers.set(constant.name, constant);
      },
      write: ({ initializers }, writer, number) => {
        for (const [name, constant] of initializers)
          writer.message(number, (inner) => writeConstant(inner, { ...constant, name }));
      },
    },
    10: ofGraph.text('docString'),
    11: ofGraph.messages('inputs', () => valueInfoCodec),
    12: ofGraph.messages('outputs', () => valueInfoCodec),
    13: ofGraph.messages('valueInfo', () => valueInfoCodec),
    15: ofGraph.messages('sparseInitializers', () => sparseConstantCodec),
    16: ofGraph.metadata('metadata'),
  },
};

/** A graph as a field of its own. */
export function graphField<Key extends string>(key: Key): Field<Record<Key, Graph>> {
  return {
    wireType: WireType.LengthDelimited,
    read: (owner, reader, end) => {
      const graph: Record<string, Graph> = owner;
      graph[key] = reader.message(end, (innerEnd) => readMessage(reader, innerEnd, graphCodec));
    },
    write: (owner, writer, number) =>
      writer.message(number, (inner) => writeMessage(inner, owner[key], graphCodec)),
  };
}
