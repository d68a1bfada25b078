import { Server, ServerCredentials } from '@grpc/grpc-js';

/** Program: a handler of @grpc/grpc-js that takes a message and answers as many bytes as it was told to. */

export interface EmptyGrpcStart {
  path: string;
  answerBytes: number;
}
export interface EmptyGrpcReady {
  url: string;
}

const asBytes = (bytes: Buffer) => bytes;
const serialization = {
  requestSerialize: asBytes,
  requestDeserialize: asBytes,
  responseSerialize: asBytes,
  responseDeserialize: asBytes,
};

process.once('disconnect', () => process.exit());
process.once('message', ({ path, answerBytes }: EmptyGrpcStart) => {
  const answer = Buffer.alloc(answerBytes);
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const definition = { answer: { path, requestStream: false, responseStream: false, ...serialization } };
  server.addService(definition, {
    answer: (_call: unknown, reply: (error: null, answer: Buffer) => void) => reply(null, answer),
  });
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.send?.({ url: `grpc://127.0.0.1:${port}` } satisfies EmptyGrpcReady);
  });
});
