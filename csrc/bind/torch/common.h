// What the operators of this folder share. They go through PyTorch's stable ABI: one binary for every PyTorch from 2.10
// on. Gradients and shapes for tracing are registered in pytransformers/backends/torch/native.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>

#include "core/c_api.h"

namespace pytransformers_torch {

using torch::stable::Tensor;
using MaybeTensor = std::optional<Tensor>;

[[noreturn]] inline void refuse(const std::string& message) { throw std::runtime_error(message); }

inline void check(pytransformers_status status) {
  if (status != PYTRANSFORMERS_OK) refuse(pytransformers_last_error());
}

inline int32_t dtype_of(const Tensor& tensor) {
  int32_t dtype = -1;
  aoti_torch_get_dtype(tensor.get(), &dtype);
  if (dtype == aoti_torch_dtype_float32()) return PYTRANSFORMERS_FLOAT32;
  if (dtype == aoti_torch_dtype_bfloat16()) return PYTRANSFORMERS_BFLOAT16;
  if (dtype == aoti_torch_dtype_float16()) return PYTRANSFORMERS_FLOAT16;
  if (dtype == aoti_torch_dtype_bool()) return PYTRANSFORMERS_BOOL;
  if (dtype == aoti_torch_dtype_int8()) return PYTRANSFORMERS_INT8;
  if (dtype == aoti_torch_dtype_uint8()) return PYTRANSFORMERS_UINT8;
  if (dtype == aoti_torch_dtype_int32()) return PYTRANSFORMERS_INT32;
  if (dtype == aoti_torch_dtype_int64()) return PYTRANSFORMERS_INT64;
  return PYTRANSFORMERS_OTHER;
}

// A tensor as an argument: on the CPU, its last dimension made contiguous. NULL when absent.
class Argument {
 public:
  Argument(const char* op, const char* name, const Tensor& tensor) : tensor_(tensor) { take(op, name); }
  Argument(const char* op, const char* name, const MaybeTensor& tensor) : tensor_(tensor) { take(op, name); }

  const pytransformers_tensor* get() const { return tensor_ ? &view_ : nullptr; }

 private:
  void take(const char* op, const char* name) {
    if (!tensor_) return;
    if (!tensor_->is_cpu()) {
      refuse(std::string("[") + op + "] expected " + name + " on the CPU, got another device, move it there");
    }
    const int64_t rank = tensor_->dim();
    if (rank > 0 && tensor_->stride(rank - 1) != 1) tensor_ = torch::stable::contiguous(*tensor_);
    view_ = {tensor_->data_ptr(), tensor_->sizes().data(), tensor_->strides().data(), static_cast<int32_t>(rank),
             dtype_of(*tensor_)};
  }

  MaybeTensor tensor_;
  pytransformers_tensor view_;
};

// A fresh tensor on the CPU.
inline Tensor make_strided(const int64_t* sizes, const int64_t* strides, int64_t rank, int32_t dtype) {
  AtenTensorHandle handle;
  if (aoti_torch_empty_strided(rank, sizes, strides, dtype, aoti_torch_device_type_cpu(), 0, &handle) != 0) {
    refuse("[empty] expected memory for the result, got none, free some");
  }
  return Tensor(handle);
}

// A fresh dense tensor on the CPU.
inline Tensor make(const int64_t* sizes, int64_t rank, int32_t dtype) {
  int64_t strides[64];
  if (rank > 64) refuse("[empty] expected at most 64 dimensions, got more, reshape the input");
  for (int64_t i = rank - 1, dense = 1; i >= 0; dense *= std::max<int64_t>(sizes[i--], 1)) strides[i] = dense;
  return make_strided(sizes, strides, rank, dtype);
}

inline Tensor make_like(const Tensor& like) {
  int32_t dtype;
  aoti_torch_get_dtype(like.get(), &dtype);
  return make(like.sizes().data(), like.dim(), dtype);
}

inline const pytransformers_parallel kParallel = {
    [](void*, int64_t count, int64_t grain, pytransformers_task task, void* context) {
      if (torch_parallel_for(0, count, grain, task, context) != 0) refuse("[parallel_for] expected PyTorch's threads "
          "to run a task, got an error from them, see the message above");
    },
    nullptr};

}  // namespace pytransformers_torch
