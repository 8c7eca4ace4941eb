// linear as a TensorFlow op. Its shape for tracing is set in Python.
#include "bind/tensorflow/common.h"

namespace {

using namespace pytransformers_tensorflow;

struct Attributes {
  int64_t activation = 0, biases = 0;
};

void* create(TF_OpKernelConstruction* node) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  TF_OpKernelConstruction_GetAttrInt64(node, "activation", &attributes->activation, status.raw);
  if (status.ok()) TF_OpKernelConstruction_GetAttrInt64(node, "bias_count", &attributes->biases, status.raw);
  if (status.ok() && attributes->biases > 1) {
    TF_SetStatus(status.raw, TF_INVALID_ARGUMENT,
                 "[linear] expected at most one tensor in the list of biases, got more, pass [] or [tensor]");
  }
  if (!status.ok()) TF_OpKernelConstruction_Failure(node, status.raw);
  return attributes.release();
}

void compute(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor x = run.input(true), weight = run.input(true), bias = run.input(node.biases);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  std::vector<int64_t> sizes = x.sizes();
  if (!sizes.empty() && !weight.sizes().empty()) sizes.back() = weight.sizes()[0];
  Tensor y = run.output(true, x.type(), sizes);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const pytransformers_tensor *weights[] = {weight.view()}, *biases[] = {bias.view()}, *ys[] = {y.view()};
  run.finish(pytransformers_linear(x.view(), 1, weights, biases, static_cast<int32_t>(node.activation), ys,
                                   pytransformers_thread_pool()));
}

void unknown_shape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

[[maybe_unused]] const bool registered = register_op({"PytransformersLinear",
                                                      {"x: float", "weight: float", "bias: bias_count * float"},
                                                      {"y: float"},
                                                      {"activation: int = 0", "bias_count: int >= 0"},
                                                      unknown_shape, create, destroy<Attributes>, compute});

}  // namespace
