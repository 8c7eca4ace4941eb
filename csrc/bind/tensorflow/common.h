// What the ops of this folder share. They go through TensorFlow's C API for ops and kernels, which lends neither a CUDA
// stream nor the thread pool, so they run on the CPU, on the library's own threads.
// Gradients are registered in pytransformers/backends/tensorflow/native.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "bind/tensorflow/c_api.h"
#include "core/tensor.h"

namespace pytransformers_tensorflow {

struct Status {
  TF_Status* raw = TF_NewStatus();
  ~Status() { TF_DeleteStatus(raw); }
  bool ok() const { return TF_GetCode(raw) == TF_OK; }
};

inline int32_t dtype_of(TF_DataType type) {
  switch (type) {
    case TF_FLOAT: return PYTRANSFORMERS_FLOAT32;
    case TF_HALF: return PYTRANSFORMERS_FLOAT16;
    case TF_BFLOAT16: return PYTRANSFORMERS_BFLOAT16;
    case TF_BOOL: return PYTRANSFORMERS_BOOL;
    case TF_INT8: return PYTRANSFORMERS_INT8;
    case TF_UINT8: return PYTRANSFORMERS_UINT8;
    case TF_INT32: return PYTRANSFORMERS_INT32;
    case TF_INT64: return PYTRANSFORMERS_INT64;
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
    size_t bytes = pytransformers::item_size(dtype_of(type));
    for (int64_t size : sizes) bytes *= size;
    return Tensor(TF_AllocateOutput(context_, next_output_++, type, sizes.data(), static_cast<int>(sizes.size()), bytes,
                                    status_.raw));
  }

  bool ok() const { return status_.ok(); }

  void refuse(const char* message) { TF_SetStatus(status_.raw, TF_INVALID_ARGUMENT, message); }

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

template <class Attributes>
void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

// `inputs`, `outputs` and `attributes` are in TensorFlow's own notation: "x: T", "sums: int >= 0".
struct OpDefinition {
  const char* name;
  std::initializer_list<const char*> inputs, outputs, attributes;
  void (*shapes)(TF_ShapeInferenceContext*, TF_Status*);
  void* (*create)(TF_OpKernelConstruction*);
  void (*destroy)(void*);
  void (*compute)(void*, TF_OpKernelContext*);
};

inline bool register_op(const OpDefinition& op) {
  Status status;
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(op.name);
  for (const char* spec : op.inputs) TF_OpDefinitionBuilderAddInput(builder, spec);
  for (const char* spec : op.outputs) TF_OpDefinitionBuilderAddOutput(builder, spec);
  for (const char* spec : op.attributes) TF_OpDefinitionBuilderAddAttr(builder, spec);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, op.shapes);
  TF_RegisterOpDefinition(builder, status.raw);
  if (status.ok()) {
    TF_KernelBuilder* kernel = TF_NewKernelBuilder(op.name, "CPU", op.create, op.compute, op.destroy);
    TF_RegisterKernelBuilder(op.name, kernel, status.raw);
  }
  return status.ok();
}

}  // namespace pytransformers_tensorflow
