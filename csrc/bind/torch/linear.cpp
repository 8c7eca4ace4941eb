// linear as a PyTorch operator.
#include <algorithm>

#include "bind/torch/common.h"

namespace {

using namespace pytransformers_torch;

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
  const pytransformers_tensor *weights[] = {weight_.get()}, *biases[] = {bias_.get()}, *ys[] = {y_.get()};
  check(pytransformers_linear(x_.get(), 1, weights, biases, PYTRANSFORMERS_IDENTITY, ys, &kParallel));
  return y;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(pytransformers, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) { library.impl("linear", TORCH_BOX(&linear)); }
