import { join } from 'node:path';
import {
  type CallOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const protoFolder = join(import.meta.dirname, '..', 'proto');
const definitions = loadSync(
  ['inference.proto', 'health.proto', 'tensorflow_serving.proto'].map((file) => join(protoFolder, file)),
  { includeDirs: [protoFolder], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: false },
);

/** An answer as protobufjs has decoded it: fields that tests read, of one message or another. */
interface Answer {
  ready: boolean;
  models: { name: string }[];
  outputs: Record<string, Record<string, unknown>>;
  raw_output_contents: Buffer[];
  model_stats: { inference_stats: { success: { count: number } } }[];
  model_spec: object;
  metadata: Record<string, { type_url: string; value: Buffer }>;
  model_version_status: object[];
}

/** What a call ended with. */
export interface Outcome {
  /** Of gRPC; 0 is success. */
  code: number;
  details: string;
  /** The catalogue's code of an error. */
  errorCode: string | undefined;
  answer: Answer;
}

/** A client of gRPC made by others: grpc-js on the wire, protobufjs for the messages. */
export function grpcClient(
  url: string,
  options: ConstructorParameters<typeof Client>[2] = {},
  ca: Buffer | undefined = undefined,
) {
  const credential = ca ? credentials.createSsl(ca) : credentials.createInsecure();
  const client = new Client(new URL(url).host, credential, {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  });
  const methodOf = (service: string, method: string) => {
    const found = (definitions[service] as Record<string, MethodForm> | undefined)?.[method];
    if (found === undefined) throw new Error(`no ${service}/${method}`);
    return found;
  };
  return {
    call: (
      service: string,
      method: string,
      request: object,
      metadata: Record<string, string> = {},
      call: CallOptions = {},
    ) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
      return unary(client, path, requestSerialize(request), metadata, call, responseDeserialize);
    },
    /** The bytes of a request, of whichever service has the method. */
    encode: (method: string, request: object) => {
      const service = Object.keys(definitions).find((name) => method in (definitions[name] ?? {})) ?? '';
      return methodOf(service, method).requestSerialize(request);
    },
    /** Any bytes as the message of a method. */
    raw: (path: string, message: Buffer) => unary(client, path, message, {}, {}, (bytes) => bytes),
    stream: (service: string, method: string, metadata: Record<string, string> = {}) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
      return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadataOf(metadata));
    },
    rawStream: (path: string) =>
      client.makeBidiStreamRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
      ),
    watch: (service: string, method: string, request: object) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
      return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    },
    /** A message of a type by its full name. */
    decode: (type: string, bytes: Buffer) => {
      const { deserialize } = definitions[type] as unknown as { deserialize: (bytes: Buffer) => object };
      return deserialize(bytes);
    },
    close: () => client.close(),
  };
}

interface MethodForm {
  path: string;
  requestSerialize: (request: object) => Buffer;
  responseDeserialize: (bytes: Buffer) => object;
}

function unary(
  client: Client,
  path: string,
  message: Buffer,
  metadata: Record<string, string>,
  options: CallOptions,
  decode: (bytes: Buffer) => object,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let answer: object | undefined;
    const call = client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      decode,
      message,
      metadataOf(metadata),
      options,
      (error, got) => {
        answer = got;
        if (error) resolve(outcomeOf(error, undefined));
      },
    );
    call.on('status', (status) => {
      if (status.code === 0) resolve(outcomeOf(status, answer));
    });
  });
}

function outcomeOf({ code, details, metadata }: StatusObject | ServiceError, answer: unknown): Outcome {
  const [errorCode] = metadata.get('x-covey-error-code');
  return { code, details, errorCode: errorCode?.toString(), answer: (answer ?? {}) as Answer };
}

function metadataOf(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}
