"""Drives the gRPC services with Google's own implementation of gRPC and protobuf; prints what it saw as JSON.

Usage: python-client.fixture.py <folder of generated modules> <address> <address of TensorFlow Serving>
"""

import json
import struct
import sys

import grpc

sys.path.insert(0, sys.argv[1])
import health_pb2
import inference_pb2
import tensorflow_pb2
import tensorflow_serving_pb2

options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
channel = grpc.insecure_channel(sys.argv[2], options=options)
seen = {}


def method(path, answer, on=channel):
    return on.unary_unary(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString)


def infer(answer=inference_pb2.ModelInferResponse):
    return method("/inference.GRPCInferenceService/ModelInfer", answer)


def request(name="add", values=(1.0, 2.0), **more):
    message = inference_pb2.ModelInferRequest(model_name=name, **more)
    tensor = message.inputs.add(name="x", datatype="FP32")
    tensor.shape.extend([len(values) // 2, 2])
    message.raw_input_contents.append(struct.pack(f"<{len(values)}f", *values))
    return message


health = method("/grpc.health.v1.Health/Check", health_pb2.HealthCheckResponse)
seen["health"] = health(health_pb2.HealthCheckRequest(service="inference.GRPCInferenceService")).status

metadata = method("/inference.GRPCInferenceService/ModelMetadata", inference_pb2.ModelMetadataResponse)
described = metadata(inference_pb2.ModelMetadataRequest(name="add"))
seen["metadata"] = [described.inputs[0].name, described.inputs[0].datatype, list(described.inputs[0].shape)]

answer = infer()(request(id="seven"))
seen["raw"] = [answer.id, list(struct.unpack("<2f", answer.raw_output_contents[0]))]

typed = inference_pb2.ModelInferRequest(model_name="add")
tensor = typed.inputs.add(name="x", datatype="FP32", shape=[1, 2])
tensor.contents.fp32_contents.extend([5, 6])
seen["typed"] = list(struct.unpack("<2f", infer()(typed).raw_output_contents[0]))

zipped = infer()(request(values=[0.5] * 20_000), compression=grpc.Compression.Gzip)
seen["gzip"] = len(zipped.raw_output_contents[0])

large = infer()(request(values=[0.25] * 5_000_000))
seen["large"] = [len(large.raw_output_contents[0]), struct.unpack("<f", large.raw_output_contents[0][-4:])[0]]

try:
    infer()(request(name="absent"))
except grpc.RpcError as error:
    trailers = {entry.key: entry.value for entry in error.trailing_metadata()}
    seen["error"] = [error.code().name, error.details(), trailers.get("x-covey-error-code")]

slow = inference_pb2.ModelInferRequest(model_name="count")
slow.inputs.add(name="x", datatype="INT64").contents.int64_contents.append(3_000_000)
try:
    infer()(slow, timeout=0.1)
except grpc.RpcError as error:
    seen["deadline"] = error.code().name

stream = channel.stream_stream(
    "/inference.GRPCInferenceService/ModelStreamInfer",
    request_serializer=lambda m: m.SerializeToString(),
    response_deserializer=inference_pb2.ModelStreamInferResponse.FromString,
)
asked = [request(id=str(i), name="absent" if i == 3 else "add") for i in range(40)]
seen["stream"] = [[a.infer_response.id, a.error_message] for a in stream(iter(asked))]

serving = grpc.insecure_channel(sys.argv[3])
predict = method("/tensorflow.serving.PredictionService/Predict", tensorflow_serving_pb2.PredictResponse, serving)
message = tensorflow_serving_pb2.PredictRequest()
message.model_spec.name = "add"
message.inputs["x"].dtype = tensorflow_pb2.DT_FLOAT
for size in (1, 2):
    message.inputs["x"].tensor_shape.dim.add(size=size)
message.inputs["x"].tensor_content = struct.pack("<2f", 1, 2)
predicted = predict(message)
seen["predict"] = [list(predicted.outputs["y"].float_val), predicted.model_spec.version.value]

print(json.dumps(seen))
