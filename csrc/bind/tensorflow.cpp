// The kernels as TensorFlow ops, through TensorFlow's C API for ops and kernels. That API lends neither a CUDA stream
// nor the thread pool, so these run on the CPU, on the library's own threads.
// Gradients are registered in pytransformers/backends/tensorflow/native.py.
#include <initializer_list>
#include <memory>
#include <vector>

#include "bind/tensorflow_c.h"
#include "core/c_api.h"

namespace {

struct Status {
  TF_Status* raw = TF_NewStatus();
  ~Status() { TF_DeleteStatus(raw); }
  bool ok() const { return TF_GetCode(raw) == TF_OK; }
};

int32_t dtype_of(TF_DataType type) {
  switch (type) {
    case TF_FLOAT: return PYTRANSFORMERS_FLOAT32;
    case TF_HALF: return PYTRANSFORMERS_FLOAT16;
    case TF_BFLOAT16: return PYTRANSFORMERS_BFLOAT16;
    default: return PYTRANSFORMERS_OTHER;
  }
}

// An input or output of the running kernel, or nothing.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(TF_Tensor* raw) : raw_(raw, TF_DeleteTensor) {
    if (raw == nullptr) return;
    for (int i = 0; i < TF_NumDims(raw); ++i) sizes_.push_back(TF_Dim(raw, i));
  }

  const std::vector<int64_t>& sizes() const { return sizes_; }
  TF_DataType type() const { return TF_TensorType(raw_.get()); }

  const pytransformers_tensor* view() {
    if (raw_ == nullptr) return nullptr;
    view_ = {TF_TensorData(raw_.get()), sizes_.data(), nullptr, static_cast<int32_t>(sizes_.size()), dtype_of(type())};
    return &view_;
  }

 private:
  std::unique_ptr<TF_Tensor, void (*)(TF_Tensor*)> raw_{nullptr, TF_DeleteTensor};
  std::vector<int64_t> sizes_;
  pytransformers_tensor view_ = {};
};

// One run of a kernel: its inputs and outputs in order, and the first thing that went wrong.
class Run {
 public:
  explicit Run(TF_OpKernelContext* context) : context_(context) {}

  Tensor input(bool present) {
    if (!present || !status_.ok()) return Tensor();
    TF_Tensor* raw = nullptr;
    TF_GetInput(context_, next_input_++, &raw, status_.raw);
    return Tensor(status_.ok() ? raw : nullptr);
  }

  Tensor output(bool present, TF_DataType type, const std::vector<int64_t>& sizes) {
    if (!present || !status_.ok()) return Tensor();
    size_t bytes = type == TF_FLOAT ? 4 : 2;
    for (int64_t size : sizes) bytes *= size;
    return Tensor(TF_AllocateOutput(context_, next_output_++, type, sizes.data(), static_cast<int>(sizes.size()), bytes,
                                    status_.raw));
  }

  bool ok() const { return status_.ok(); }

  void finish(pytransformers_status status) {
    if (status == PYTRANSFORMERS_INVALID_ARGUMENT) {
      TF_SetStatus(status_.raw, TF_INVALID_ARGUMENT, pytransformers_last_error());
    } else if (status == PYTRANSFORMERS_OUT_OF_MEMORY) {
      TF_SetStatus(status_.raw, TF_RESOURCE_EXHAUSTED, pytransformers_last_error());
    }
    if (!status_.ok()) TF_OpKernelContext_Failure(context_, status_.raw);
  }

 private:
  TF_OpKernelContext* context_;
  Status status_;
  int next_input_ = 0, next_output_ = 0;
};

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

void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

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

struct OpDefinition {
  const char* name;
  std::initializer_list<const char*> inputs, outputs, counts;
  void (*shapes)(TF_ShapeInferenceContext*, TF_Status*);
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
};

bool register_op(const OpDefinition& op) {
  Status status;
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(op.name);
  for (const char* spec : op.inputs) TF_OpDefinitionBuilderAddInput(builder, spec);
  for (const char* spec : op.outputs) TF_OpDefinitionBuilderAddOutput(builder, spec);
  for (const char* spec : op.counts) TF_OpDefinitionBuilderAddAttr(builder, spec);
  TF_OpDefinitionBuilderAddAttr(builder, "eps: float");
  TF_OpDefinitionBuilderAddAttr(builder, "T: {float, half, bfloat16}");
  TF_OpDefinitionBuilderAddAttr(builder, "W: {float, half, bfloat16} = DT_FLOAT");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, op.shapes);
  TF_RegisterOpDefinition(builder, status.raw);
  if (status.ok()) {
    TF_KernelBuilder* kernel = TF_NewKernelBuilder(op.name, "CPU", op.create, op.compute, destroy);
    TF_RegisterKernelBuilder(op.name, kernel, status.raw);
  }
  return status.ok();
}

// Runs when TensorFlow loads this library; it collects what was registered meanwhile.
const bool registered =
    register_op({"PytransformersLayerNorm",
                 {"x: T", "residual: sums * T", "weight: weights * W", "bias: biases * W"},
                 {"y: T", "sum: sums * T"},
                 {"sums: int >= 0", "weights: int >= 0", "biases: int >= 0"},
                 forward_shapes, create<true, false>, forward<true>}) &&
    register_op({"PytransformersLayerNormGrad",
                 {"x: T", "dy: T", "dsum: sums * T", "weight: weights * W"},
                 {"dx: T", "dweight: dweights * W", "dbias: dbiases * W"},
                 {"sums: int >= 0", "weights: int >= 0", "dweights: int >= 0", "dbiases: int >= 0"},
                 backward_shapes, create<true, true>, backward<true>}) &&
    register_op({"PytransformersRmsNorm",
                 {"x: T", "residual: sums * T", "weight: weights * W"},
                 {"y: T", "sum: sums * T"},
                 {"sums: int >= 0", "weights: int >= 0"},
                 forward_shapes, create<false, false>, forward<false>}) &&
    register_op({"PytransformersRmsNormGrad",
                 {"x: T", "dy: T", "dsum: sums * T", "weight: weights * W"},
                 {"dx: T", "dweight: dweights * W"},
                 {"sums: int >= 0", "weights: int >= 0", "dweights: int >= 0"},
                 backward_shapes, create<false, true>, backward<false>});

}  // namespace
