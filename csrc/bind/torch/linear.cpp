// linear, and linears (several weights that share x), as PyTorch operators.
#include <deque>
#include <vector>

#include "bind/torch/common.h"

namespace {

using namespace pytransformers_torch;

constexpr size_t kMaxWeights = 8;  // of pytransformers_linear

// An empty y for this weight.
Tensor make_result(const Tensor& x, const Tensor& weight) {
  const int64_t rank = x.dim();
  if (rank < 1 || rank > 64 || weight.dim() != 2) {
    refuse("[linear] expected x (..., k) and weight (n, k), got other ranks, reshape them");
  }
  int64_t sizes[64];
  std::copy_n(x.sizes().data(), rank, sizes);
  sizes[rank - 1] = weight.size(0);
  return make(sizes, rank, aoti_torch_dtype_float32());
}

// The kernel wants the rows of x at one distance.
Tensor with_even_rows(const Tensor& x) {
  for (int64_t i = 0; i + 2 < x.dim(); ++i) {
    if (x.stride(i) != x.stride(i + 1) * x.size(i + 1)) return torch::stable::contiguous(x);
  }
  return x;
}

Tensor linear(const Tensor& x, const Tensor& weight, const MaybeTensor& bias, int64_t activation) {
  Tensor y = make_result(x, weight);
  const Argument x_("linear", "x", with_even_rows(x)), weight_("linear", "weight", weight),
      bias_("linear", "bias", bias), y_("linear", "y", y);
  const pytransformers_tensor *weights[] = {weight_.get()}, *biases[] = {bias_.get()}, *ys[] = {y_.get()};
  check(pytransformers_linear(x_.get(), 1, weights, biases, static_cast<int32_t>(activation), ys, &kParallel));
  return y;
}

std::vector<Tensor> linears(const Tensor& x, const std::vector<Tensor>& weights, const std::vector<Tensor>& biases,
                            int64_t activation) {
  const size_t count = weights.size();
  if (count < 1 || count > kMaxWeights || (!biases.empty() && biases.size() != count)) {
    refuse("[linear] expected 1 to 8 weights with a bias for each or none at all, got " + std::to_string(count) + " and " +
           std::to_string(biases.size()) + ", call it again for the rest");
  }
  std::vector<Tensor> ys;
  std::deque<Argument> arguments;
  const auto view = [&](const char* name, const Tensor& tensor) {
    return arguments.emplace_back("linear", name, tensor).get();
  };
  const pytransformers_tensor *weights_[kMaxWeights], *biases_[kMaxWeights] = {}, *ys_[kMaxWeights];
  const pytransformers_tensor* x_ = view("x", with_even_rows(x));
  for (size_t i = 0; i < count; ++i) {
    ys.push_back(make_result(x, weights[i]));
    weights_[i] = view("weight", weights[i]);
    if (!biases.empty()) biases_[i] = view("bias", biases[i]);
    ys_[i] = view("y", ys[i]);
  }
  check(pytransformers_linear(x_, static_cast<int32_t>(count), weights_, biases_, static_cast<int32_t>(activation), ys_,
                              &kParallel));
  return ys;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(pytransformers, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias, int activation=0) -> Tensor");
  library.def("linears(Tensor x, Tensor[] weights, Tensor[] biases, int activation=0) -> Tensor[]");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) {
  library.impl("linear", TORCH_BOX(&linear));
  library.impl("linears", TORCH_BOX(&linears));
}
