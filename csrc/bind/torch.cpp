// The kernels as PyTorch operators, through PyTorch's stable ABI: one binary for every PyTorch from 2.10 on.
// Gradients and shapes for tracing are registered in pytransformers/backends/torch/native.py.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>

#include "core/c_api.h"

namespace {

using torch::stable::Tensor;
using MaybeTensor = std::optional<Tensor>;

[[noreturn]] void refuse(const std::string& message) { throw std::runtime_error(message); }

void check(pytransformers_status status) {
  if (status != PYTRANSFORMERS_OK) refuse(pytransformers_last_error());
}

int32_t dtype_of(const Tensor& tensor) {
  int32_t dtype = -1;
  aoti_torch_get_dtype(tensor.get(), &dtype);
  if (dtype == aoti_torch_dtype_float32()) return PYTRANSFORMERS_FLOAT32;
  if (dtype == aoti_torch_dtype_bfloat16()) return PYTRANSFORMERS_BFLOAT16;
  if (dtype == aoti_torch_dtype_float16()) return PYTRANSFORMERS_FLOAT16;
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

// A fresh dense tensor on the CPU.
Tensor make(const int64_t* sizes, int64_t rank, int32_t dtype) {
  int64_t strides[64];
  if (rank > 64) refuse("[empty] expected at most 64 dimensions, got more, reshape the input");
  for (int64_t i = rank - 1, dense = 1; i >= 0; dense *= std::max<int64_t>(sizes[i--], 1)) strides[i] = dense;
  AtenTensorHandle handle;
  if (aoti_torch_empty_strided(rank, sizes, strides, dtype, aoti_torch_device_type_cpu(), 0, &handle) != 0) {
    refuse("[empty] expected memory for the result, got none, free some");
  }
  return Tensor(handle);
}

Tensor make_like(const Tensor& like) {
  int32_t dtype;
  aoti_torch_get_dtype(like.get(), &dtype);
  return make(like.sizes().data(), like.dim(), dtype);
}

// A gradient for the last dimension of x, of the weights' dtype; empty where it is not wanted.
Tensor make_weight_gradient(bool wanted, const Tensor& x, const MaybeTensor& weight) {
  int32_t dtype = aoti_torch_dtype_float32();
  aoti_torch_get_dtype((weight ? *weight : x).get(), &dtype);
  const int64_t size = wanted && x.dim() > 0 ? x.size(x.dim() - 1) : 0;
  return make(&size, 1, dtype);
}

const pytransformers_parallel kParallel = {
    [](void*, int64_t count, int64_t grain, pytransformers_task task, void* context) {
      if (torch_parallel_for(0, count, grain, task, context) != 0) refuse("[parallel_for] expected PyTorch's threads "
          "to run a task, got an error from them, see the message above");
    },
    nullptr};

template <bool kCentred>
const char* const kName = kCentred ? "layer_norm" : "rms_norm";

template <bool kCentred>
void forward(const Tensor& x, const MaybeTensor& residual, const MaybeTensor& weight, const MaybeTensor& bias,
             double eps, const Tensor& y, const MaybeTensor& sum) {
  const char* op = kName<kCentred>;
  const Argument x_(op, "x", x), residual_(op, "residual", residual), weight_(op, "weight", weight),
      bias_(op, "bias", bias), y_(op, "y", y), sum_(op, "sum", sum);
  check(kCentred ? pytransformers_layer_norm(x_.get(), residual_.get(), weight_.get(), bias_.get(), eps, y_.get(),
                                             sum_.get(), &kParallel)
                 : pytransformers_rms_norm(x_.get(), residual_.get(), weight_.get(), eps, y_.get(), sum_.get(),
                                           &kParallel));
}

Tensor layer_norm(const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias, double eps) {
  Tensor y = make_like(x);
  forward<true>(x, std::nullopt, weight, bias, eps, y, std::nullopt);
  return y;
}

std::tuple<Tensor, Tensor> add_layer_norm(const Tensor& x, const Tensor& residual, const MaybeTensor& weight,
                                          const MaybeTensor& bias, double eps) {
  Tensor y = make_like(x), sum = make_like(x);
  forward<true>(x, residual, weight, bias, eps, y, sum);
  return {y, sum};
}

Tensor rms_norm(const Tensor& x, const MaybeTensor& weight, double eps) {
  Tensor y = make_like(x);
  forward<false>(x, std::nullopt, weight, std::nullopt, eps, y, std::nullopt);
  return y;
}

std::tuple<Tensor, Tensor> add_rms_norm(const Tensor& x, const Tensor& residual, const MaybeTensor& weight,
                                        double eps) {
  Tensor y = make_like(x), sum = make_like(x);
  forward<false>(x, residual, weight, std::nullopt, eps, y, sum);
  return {y, sum};
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_backward(const Tensor& dy, const MaybeTensor& dsum, const Tensor& x,
                                                       const MaybeTensor& weight, const MaybeTensor& bias, double eps,
                                                       bool want_weight, bool want_bias) {
  const char* op = "layer_norm";
  Tensor dx = make_like(x);
  Tensor dweight = make_weight_gradient(want_weight, x, weight);
  Tensor dbias = make_weight_gradient(want_bias, x, weight ? weight : bias);
  const Argument dy_(op, "dy", dy), dsum_(op, "dsum", dsum), x_(op, "x", x), weight_(op, "weight", weight),
      dx_(op, "dx", dx), dweight_(op, "dweight", dweight), dbias_(op, "dbias", dbias);
  check(pytransformers_layer_norm_backward(dy_.get(), dsum_.get(), x_.get(), weight_.get(), eps, dx_.get(),
                                           want_weight ? dweight_.get() : nullptr, want_bias ? dbias_.get() : nullptr,
                                           &kParallel));
  return {dx, dweight, dbias};
}

std::tuple<Tensor, Tensor> rms_norm_backward(const Tensor& dy, const MaybeTensor& dsum, const Tensor& x,
                                             const MaybeTensor& weight, double eps, bool want_weight) {
  const char* op = "rms_norm";
  Tensor dx = make_like(x);
  Tensor dweight = make_weight_gradient(want_weight, x, weight);
  const Argument dy_(op, "dy", dy), dsum_(op, "dsum", dsum), x_(op, "x", x), weight_(op, "weight", weight),
      dx_(op, "dx", dx), dweight_(op, "dweight", dweight);
  check(pytransformers_rms_norm_backward(dy_.get(), dsum_.get(), x_.get(), weight_.get(), eps, dx_.get(),
                                         want_weight ? dweight_.get() : nullptr, &kParallel));
  return {dx, dweight};
}

Tensor linear(const Tensor& x, const Tensor& weight, const MaybeTensor& bias) {
  const int64_t rank = x.dim();
  if (rank < 1 || rank > 64 || weight.dim() != 2) {
    refuse("[linear] expected x (..., k) and weight (n, k), got other ranks, reshape them");
  }
  int64_t sizes[64];
  std::copy_n(x.sizes().data(), rank, sizes);
  sizes[rank - 1] = weight.size(0);
  Tensor y = make(sizes, rank, aoti_torch_dtype_float32());
  const Argument x_("linear", "x", rank > 2 ? torch::stable::contiguous(x) : x), weight_("linear", "weight", weight),
      bias_("linear", "bias", bias), y_("linear", "y", y);
  check(pytransformers_linear(x_.get(), weight_.get(), bias_.get(), y_.get(), &kParallel));
  return y;
}

}  // namespace

STABLE_TORCH_LIBRARY(pytransformers, library) {
  library.def("layer_norm(Tensor x, Tensor? weight, Tensor? bias, float eps) -> Tensor");
  library.def("add_layer_norm(Tensor x, Tensor residual, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor)");
  library.def("layer_norm_backward(Tensor dy, Tensor? dsum, Tensor x, Tensor? weight, Tensor? bias, float eps, "
              "bool want_weight, bool want_bias) -> (Tensor, Tensor, Tensor)");
  library.def("linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
  library.def("rms_norm(Tensor x, Tensor? weight, float eps) -> Tensor");
  library.def("add_rms_norm(Tensor x, Tensor residual, Tensor? weight, float eps) -> (Tensor, Tensor)");
  library.def("rms_norm_backward(Tensor dy, Tensor? dsum, Tensor x, Tensor? weight, float eps, bool want_weight) "
              "-> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) {
  library.impl("layer_norm", TORCH_BOX(&layer_norm));
  library.impl("add_layer_norm", TORCH_BOX(&add_layer_norm));
  library.impl("layer_norm_backward", TORCH_BOX(&layer_norm_backward));
  library.impl("linear", TORCH_BOX(&linear));
  library.impl("rms_norm", TORCH_BOX(&rms_norm));
  library.impl("add_rms_norm", TORCH_BOX(&add_rms_norm));
  library.impl("rms_norm_backward", TORCH_BOX(&rms_norm_backward));
}
