// linear for NumPy and DLPack: several weights at once.
#include <pybind11/stl.h>

#include <deque>

#include "bind/python/common.h"

namespace pytransformers_python {
namespace {

py::list linears(const py::object& x_in, const std::vector<py::object>& weights_in,
                 const std::vector<py::object>& biases_in, int32_t activation) {
  if (!biases_in.empty() && biases_in.size() != weights_in.size()) {
    throw py::value_error("[linear] expected a bias or None for each weight, or none at all, got another number");
  }
  Argument x("linear", "x", x_in);
  std::deque<Argument> arguments;
  std::deque<Result> results;
  std::vector<const pytransformers_tensor*> weights, biases, ys;
  for (size_t i = 0; i < weights_in.size(); ++i) {
    Argument& weight = arguments.emplace_back("linear", "weight", weights_in[i]);
    weights.push_back(weight.get());
    biases.push_back(biases_in.empty() ? nullptr : arguments.emplace_back("linear", "bias", biases_in[i]).get());
    if (x.sizes().empty() || weight.sizes().size() != 2) {
      throw py::value_error("[linear] expected x (..., k) and weight (n, k), got other ranks, reshape them");
    }
    std::vector<int64_t> sizes = x.sizes();
    sizes.back() = weight.sizes()[0];
    ys.push_back(results.emplace_back(true, sizes, PYTRANSFORMERS_FLOAT32).get());
  }
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    status = pytransformers_linear(x.get(), static_cast<int32_t>(weights.size()), weights.data(), biases.data(),
                                   activation, ys.data(), pytransformers_thread_pool());
  }
  check(status);
  py::list list;
  for (const Result& result : results) list.append(result.object());
  return list;
}

}  // namespace

void define_linear(py::module_& module) {
  using namespace py::literals;
  module.def("linears", &linears, "x"_a, "weights"_a, "biases"_a = std::vector<py::object>(), "activation"_a = 0,
             "A list of activation(x W^T + bias); activation is a number of pytransformers/ops/linear.py.");
}

}  // namespace pytransformers_python
