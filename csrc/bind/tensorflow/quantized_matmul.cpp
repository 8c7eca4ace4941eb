// quantized_matmul and dequantize as TensorFlow ops. Shapes for tracing are set in Python, which knows the sizes.
#include "bind/tensorflow/common.h"

namespace {

using namespace pytransformers_tensorflow;

// The attributes of a node. Counts are 0 or 1: a list of that length stands for an optional tensor.
struct Attributes {
  int64_t quantization = 0, group_size = 0, out_features = 0, in_features = 0, activation = 0, offsets = 0, biases = 0;
  TF_DataType type = TF_FLOAT;
};

void read(TF_OpKernelConstruction* node, const char* name, int64_t* value, const Status& status) {
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt64(node, name, value, status.raw);
}

void* create_matmul(TF_OpKernelConstruction* node) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  read(node, "quantization", &attributes->quantization, status);
  read(node, "group_size", &attributes->group_size, status);
  read(node, "out_features", &attributes->out_features, status);
  read(node, "activation", &attributes->activation, status);
  read(node, "offset_count", &attributes->offsets, status);
  read(node, "bias_count", &attributes->biases, status);
  if (status.ok() && (attributes->offsets > 1 || attributes->biases > 1)) {
    TF_SetStatus(status.raw, TF_INVALID_ARGUMENT,
                 "[quantized_matmul] expected at most one tensor in each optional list, got more, pass [] or [tensor]");
  }
  if (!status.ok()) TF_OpKernelConstruction_Failure(node, status.raw);
  return attributes.release();
}

void* create_dequantize(TF_OpKernelConstruction* node) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  read(node, "quantization", &attributes->quantization, status);
  read(node, "group_size", &attributes->group_size, status);
  read(node, "out_features", &attributes->out_features, status);
  read(node, "in_features", &attributes->in_features, status);
  read(node, "offset_count", &attributes->offsets, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrType(node, "T", &attributes->type, status.raw);
  if (status.ok() && attributes->offsets > 1) {
    TF_SetStatus(status.raw, TF_INVALID_ARGUMENT,
                 "[dequantize] expected at most one tensor of offsets, got more, pass [] or [tensor]");
  }
  if (!status.ok()) TF_OpKernelConstruction_Failure(node, status.raw);
  return attributes.release();
}

void matmul(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor x = run.input(true), codes = run.input(true), scales = run.input(true), offsets = run.input(node.offsets),
         bias = run.input(node.biases);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  std::vector<int64_t> sizes = x.sizes();
  if (!sizes.empty()) sizes.back() = node.out_features;
  Tensor y = run.output(true, x.type(), sizes);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  run.finish(pytransformers_quantized_matmul(x.view(), codes.view(), scales.view(), offsets.view(),
                                             static_cast<int32_t>(node.quantization), node.group_size, bias.view(),
                                             static_cast<int32_t>(node.activation), y.view(),
                                             pytransformers_thread_pool()));
}

void dequantize(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor codes = run.input(true), scales = run.input(true), offsets = run.input(node.offsets);
  Tensor weight = run.output(true, node.type, {node.out_features, node.in_features});
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  run.finish(pytransformers_dequantize(codes.view(), scales.view(), offsets.view(),
                                       static_cast<int32_t>(node.quantization), node.group_size, weight.view(),
                                       pytransformers_thread_pool()));
}

void unknown_shape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

const char* const kType = "T: {float, half, bfloat16}";

[[maybe_unused]] const bool registered =
    register_op({"PytransformersQuantizedMatmul",
                 {"x: T", "codes: uint8", "scales: float", "offsets: offset_count * float", "bias: bias_count * float"},
                 {"y: T"},
                 {"quantization: int", "group_size: int", "out_features: int >= 0", "activation: int = 0",
                  "offset_count: int >= 0", "bias_count: int >= 0", kType},
                 unknown_shape, create_matmul, destroy<Attributes>, matmul}) &&
    register_op({"PytransformersDequantize",
                 {"codes: uint8", "scales: float", "offsets: offset_count * float"},
                 {"weight: T"},
                 {"quantization: int", "group_size: int", "out_features: int >= 0", "in_features: int >= 0",
                  "offset_count: int >= 0", kType},
                 unknown_shape, create_dequantize, destroy<Attributes>, dequantize});

}  // namespace
