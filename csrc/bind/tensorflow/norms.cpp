// layer_norm and rms_norm as TensorFlow ops.
#include <initializer_list>

#include "bind/tensorflow/common.h"

namespace {

using namespace pytransformers_tensorflow;

// The attributes of a node. Counts are 0 or 1: a list of that length stands for an optional tensor.
struct Attributes {
  float eps = 0;
  int64_t sums = 0, weights = 0, biases = 0, dweights = 0, dbiases = 0;
  TF_DataType weight_type = TF_FLOAT;
};

void read_count(TF_OpKernelConstruction* node, const char* name, int64_t* count, const Status& status) {
  if (!status.ok()) return;
  TF_OpKernelConstruction_GetAttrInt64(node, name, count, status.raw);
  if (status.ok() && *count > 1) {
    TF_SetStatus(status.raw, TF_INVALID_ARGUMENT,
                 "[norm] expected at most one tensor in each optional list, got more, pass [] or [tensor]");
  }
}

template <bool kCentred, bool kBackward>
void* create(TF_OpKernelConstruction* node) {
  auto attributes = std::make_unique<Attributes>();
  Status status;
  TF_OpKernelConstruction_GetAttrFloat(node, "eps", &attributes->eps, status.raw);
  if (status.ok()) TF_OpKernelConstruction_GetAttrType(node, "W", &attributes->weight_type, status.raw);
  read_count(node, "sums", &attributes->sums, status);
  read_count(node, "weights", &attributes->weights, status);
  if (kBackward) read_count(node, "dweights", &attributes->dweights, status);
  if (kBackward && kCentred) read_count(node, "dbiases", &attributes->dbiases, status);
  if (!kBackward && kCentred) read_count(node, "biases", &attributes->biases, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(node, status.raw);
  return attributes.release();
}

template <bool kCentred>
void forward(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor x = run.input(true), residual = run.input(node.sums), weight = run.input(node.weights),
         bias = run.input(node.biases);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  Tensor y = run.output(true, x.type(), x.sizes()), sum = run.output(node.sums, x.type(), x.sizes());
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const pytransformers_parallel* threads = pytransformers_thread_pool();
  run.finish(kCentred ? pytransformers_layer_norm(x.view(), residual.view(), weight.view(), bias.view(), node.eps,
                                                  y.view(), sum.view(), threads)
                      : pytransformers_rms_norm(x.view(), residual.view(), weight.view(), node.eps, y.view(),
                                                sum.view(), threads));
}

template <bool kCentred>
void backward(void* kernel, TF_OpKernelContext* context) {
  const Attributes& node = *static_cast<Attributes*>(kernel);
  Run run(context);
  Tensor x = run.input(true), dy = run.input(true), dsum = run.input(node.sums), weight = run.input(node.weights);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const std::vector<int64_t> features = {x.sizes().empty() ? 0 : x.sizes().back()};
  Tensor dx = run.output(true, x.type(), x.sizes());
  Tensor dweight = run.output(node.dweights, node.weight_type, features);
  Tensor dbias = run.output(node.dbiases, node.weight_type, features);
  if (!run.ok()) return run.finish(PYTRANSFORMERS_OK);
  const pytransformers_parallel* threads = pytransformers_thread_pool();
  run.finish(kCentred ? pytransformers_layer_norm_backward(dy.view(), dsum.view(), x.view(), weight.view(), node.eps,
                                                           dx.view(), dweight.view(), dbias.view(), threads)
                      : pytransformers_rms_norm_backward(dy.view(), dsum.view(), x.view(), weight.view(), node.eps,
                                                         dx.view(), dweight.view(), threads));
}

// y and sum have x's shape. An output that this node does not have is refused by TensorFlow, which is no error here.
void forward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRankAtLeast(context, shape, 1, shape, status);
  if (TF_GetCode(status) == TF_OK) {
    Status ignored;
    TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
    TF_ShapeInferenceContextSetOutput(context, 1, shape, ignored.raw);
  }
  TF_DeleteShapeHandle(shape);
}

// dx has x's shape, dweight and dbias that of its last dimension.
void backward_shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle *shape = TF_NewShapeHandle(), *features = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRankAtLeast(context, shape, 1, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSubshape(context, shape, -1, INT64_MAX, features, status);
  if (TF_GetCode(status) == TF_OK) {
    Status ignored;
    TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
    TF_ShapeInferenceContextSetOutput(context, 1, features, ignored.raw);
    TF_ShapeInferenceContextSetOutput(context, 2, features, ignored.raw);
  }
  TF_DeleteShapeHandle(features);
  TF_DeleteShapeHandle(shape);
}

const char* const kEps = "eps: float";
const char* const kType = "T: {float, half, bfloat16}";
const char* const kWeightType = "W: {float, half, bfloat16} = DT_FLOAT";

// Runs when TensorFlow loads this library; it collects what was registered meanwhile.
[[maybe_unused]] const bool registered =
    register_op({"PytransformersLayerNorm",
                 {"x: T", "residual: sums * T", "weight: weights * W", "bias: biases * W"},
                 {"y: T", "sum: sums * T"},
                 {"sums: int >= 0", "weights: int >= 0", "biases: int >= 0",
                  kEps, kType, kWeightType},
                 forward_shapes, create<true, false>, destroy<Attributes>, forward<true>}) &&
    register_op({"PytransformersLayerNormGrad",
                 {"x: T", "dy: T", "dsum: sums * T", "weight: weights * W"},
                 {"dx: T", "dweight: dweights * W", "dbias: dbiases * W"},
                 {"sums: int >= 0", "weights: int >= 0", "dweights: int >= 0", "dbiases: int >= 0",
                  kEps, kType, kWeightType},
                 backward_shapes, create<true, true>, destroy<Attributes>, backward<true>}) &&
    register_op({"PytransformersRmsNorm",
                 {"x: T", "residual: sums * T", "weight: weights * W"},
                 {"y: T", "sum: sums * T"},
                 {"sums: int >= 0", "weights: int >= 0",
                  kEps, kType, kWeightType},
                 forward_shapes, create<false, false>, destroy<Attributes>, forward<false>}) &&
    register_op({"PytransformersRmsNormGrad",
                 {"x: T", "dy: T", "dsum: sums * T", "weight: weights * W"},
                 {"dx: T", "dweight: dweights * W"},
                 {"sums: int >= 0", "weights: int >= 0", "dweights: int >= 0",
                  kEps, kType, kWeightType},
                 backward_shapes, create<false, true>, destroy<Attributes>, backward<false>});

}  // namespace
