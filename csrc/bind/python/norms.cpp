// layer_norm and rms_norm for NumPy and DLPack.
#include "bind/python/common.h"

namespace pytransformers_python {
namespace {

py::object forward(bool centred, const py::object& x_in, const py::object& residual_in, const py::object& weight_in,
                   const py::object& bias_in, double eps) {
  const char* op = centred ? "layer_norm" : "rms_norm";
  Argument x(op, "x", x_in), residual(op, "residual", residual_in), weight(op, "weight", weight_in),
      bias(op, "bias", bias_in);
  check_floating(op, x);
  Result y(true, x.sizes(), x.dtype()), sum(residual.get() != nullptr, x.sizes(), x.dtype());
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    const pytransformers_parallel* threads = pytransformers_thread_pool();
    status = centred ? pytransformers_layer_norm(x.get(), residual.get(), weight.get(), bias.get(), eps, y.get(),
                                                 sum.get(), threads)
                     : pytransformers_rms_norm(x.get(), residual.get(), weight.get(), eps, y.get(), sum.get(), threads);
  }
  check(status);
  return residual.get() == nullptr ? y.object() : py::make_tuple(y.object(), sum.object());
}

py::tuple backward(bool centred, const py::object& dy_in, const py::object& x_in, const py::object& weight_in,
                   const py::object& dsum_in, double eps, bool want_weight, bool want_bias) {
  const char* op = centred ? "layer_norm" : "rms_norm";
  Argument dy(op, "dy", dy_in), x(op, "x", x_in), weight(op, "weight", weight_in), dsum(op, "dsum", dsum_in);
  check_floating(op, x);
  const std::vector<int64_t> features = {x.sizes().empty() ? 0 : x.sizes().back()};
  const int32_t weight_dtype = weight.get() != nullptr ? weight.dtype() : x.dtype();
  if (weight_dtype == PYTRANSFORMERS_OTHER) check_floating(op, weight);
  Result dx(true, x.sizes(), x.dtype()), dweight(want_weight, features, weight_dtype),
      dbias(want_bias, features, weight_dtype);
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    const pytransformers_parallel* threads = pytransformers_thread_pool();
    status = centred ? pytransformers_layer_norm_backward(dy.get(), dsum.get(), x.get(), weight.get(), eps, dx.get(),
                                                          dweight.get(), dbias.get(), threads)
                     : pytransformers_rms_norm_backward(dy.get(), dsum.get(), x.get(), weight.get(), eps, dx.get(),
                                                        dweight.get(), threads);
  }
  check(status);
  if (centred) return py::make_tuple(dx.object(), dweight.object(), dbias.object());
  return py::make_tuple(dx.object(), dweight.object());
}

}  // namespace

void define_norms(py::module_& module) {
  using namespace py::literals;
  module.def("layer_norm", [](py::object x, py::object weight, py::object bias, double eps, py::object residual) {
    return forward(true, x, residual, weight, bias, eps);
  }, "x"_a, "weight"_a = py::none(), "bias"_a = py::none(), "eps"_a = 1e-5, "residual"_a = py::none(),
  "y, or (y, x + residual).");
  module.def("rms_norm", [](py::object x, py::object weight, double eps, py::object residual) {
    return forward(false, x, residual, weight, py::none(), eps);
  }, "x"_a, "weight"_a = py::none(), "eps"_a = 1e-6, "residual"_a = py::none(), "y, or (y, x + residual).");
  module.def("layer_norm_backward", [](py::object dy, py::object x, py::object weight, py::object dsum, double eps,
                                       bool want_weight, bool want_bias) {
    return backward(true, dy, x, weight, dsum, eps, want_weight, want_bias);
  }, "dy"_a, "x"_a, "weight"_a = py::none(), "dsum"_a = py::none(), "eps"_a = 1e-5, "want_weight"_a = true,
  "want_bias"_a = true, "(dx, dweight or None, dbias or None).");
  module.def("rms_norm_backward", [](py::object dy, py::object x, py::object weight, py::object dsum, double eps,
                                     bool want_weight) {
    return backward(false, dy, x, weight, dsum, eps, want_weight, false);
  }, "dy"_a, "x"_a, "weight"_a = py::none(), "dsum"_a = py::none(), "eps"_a = 1e-6, "want_weight"_a = true,
  "(dx, dweight or None).");
}

}  // namespace pytransformers_python
