// layer_norm and rms_norm as PyTorch operators.
#include <tuple>

#include "bind/torch/common.h"

namespace {

using namespace pytransformers_torch;

// A gradient for the last dimension of x, of the weights' dtype; empty where it is not wanted.
Tensor make_weight_gradient(bool wanted, const Tensor& x, const MaybeTensor& weight) {
  int32_t dtype = aoti_torch_dtype_float32();
  aoti_torch_get_dtype((weight ? *weight : x).get(), &dtype);
  const int64_t size = wanted && x.dim() > 0 ? x.size(x.dim() - 1) : 0;
  return make(&size, 1, dtype);
}

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

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(pytransformers, library) {
  library.def("layer_norm(Tensor x, Tensor? weight, Tensor? bias, float eps) -> Tensor");
  library.def("add_layer_norm(Tensor x, Tensor residual, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor)");
  library.def("layer_norm_backward(Tensor dy, Tensor? dsum, Tensor x, Tensor? weight, Tensor? bias, float eps, "
              "bool want_weight, bool want_bias) -> (Tensor, Tensor, Tensor)");
  library.def("rms_norm(Tensor x, Tensor? weight, float eps) -> Tensor");
  library.def("add_rms_norm(Tensor x, Tensor residual, Tensor? weight, float eps) -> (Tensor, Tensor)");
  library.def("rms_norm_backward(Tensor dy, Tensor? dsum, Tensor x, Tensor? weight, float eps, bool want_weight) "
              "-> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) {
  library.impl("layer_norm", TORCH_BOX(&layer_norm));
  library.impl("add_layer_norm", TORCH_BOX(&add_layer_norm));
  library.impl("layer_norm_backward", TORCH_BOX(&layer_norm_backward));
  library.impl("rms_norm", TORCH_BOX(&rms_norm));
  library.impl("add_rms_norm", TORCH_BOX(&add_rms_norm));
  library.impl("rms_norm_backward", TORCH_BOX(&rms_norm_backward));
}
