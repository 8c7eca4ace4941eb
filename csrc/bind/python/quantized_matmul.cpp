// quantized_matmul and dequantize for NumPy and DLPack.
#include <pybind11/stl.h>

#include <map>

#include "bind/python/common.h"

namespace pytransformers_python {
namespace {

int32_t numbered(const char* op, const char* what, const std::map<std::string, int32_t>& names,
                 const std::string& name) {
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  std::string expected;
  for (const auto& [key, number] : names) expected += (expected.empty() ? "" : ", ") + key;
  throw py::value_error(std::string("[") + op + "] expected " + what + " "  + expected + ", got " + name +
                        ", name one of these");
}

int32_t quantization_of(const char* op, const std::string& name) {
  static const std::map<std::string, int32_t> names = {{"int8", PYTRANSFORMERS_QUANTIZED_INT8},
                                                       {"int8_dynamic", PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC},
                                                       {"int4", PYTRANSFORMERS_QUANTIZED_INT4},
                                                       {"nf4", PYTRANSFORMERS_QUANTIZED_NF4}};
  return numbered(op, "quantization", names, name);
}

int32_t activation_of(const char* op, const std::optional<std::string>& name) {
  static const std::map<std::string, int32_t> names = {{"relu", PYTRANSFORMERS_RELU},
                                                       {"gelu", PYTRANSFORMERS_GELU},
                                                       {"gelu_tanh", PYTRANSFORMERS_GELU_TANH},
                                                       {"silu", PYTRANSFORMERS_SILU}};
  return name.has_value() ? numbered(op, "activation", names, *name) : PYTRANSFORMERS_IDENTITY;
}

py::object matmul(const py::object& x_in, const py::object& codes_in, const py::object& scales_in,
                  const py::object& offsets_in, const py::object& bias_in, const std::string& quantization,
                  int64_t group_size, int64_t out_features, const std::optional<std::string>& activation) {
  const char* op = "quantized_matmul";
  Argument x(op, "x", x_in), codes(op, "codes", codes_in), scales(op, "scales", scales_in),
      offsets(op, "offsets", offsets_in), bias(op, "bias", bias_in);
  const int32_t kind = quantization_of(op, quantization), ending = activation_of(op, activation);
  if (x.get() == nullptr || x.sizes().empty() || x.dtype() > PYTRANSFORMERS_BFLOAT16 || out_features < 0) {
    throw py::value_error("[quantized_matmul] expected x (..., k) of dtype float32, float16 or bfloat16 and "
                          "out_features of at least 0, got another dtype, no dimension or less, cast or reshape x");
  }
  std::vector<int64_t> sizes = x.sizes();
  sizes.back() = out_features;
  Result y(true, sizes, x.dtype());
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    status = pytransformers_quantized_matmul(x.get(), codes.get(), scales.get(), offsets.get(), kind, group_size,
                                             bias.get(), ending, y.get(), pytransformers_thread_pool());
  }
  check(status);
  return y.object();
}

py::object dequantize(const py::object& codes_in, const py::object& scales_in, const py::object& offsets_in,
                      const std::string& quantization, int64_t group_size, int64_t n, int64_t k,
                      const py::dtype& dtype) {
  const char* op = "dequantize";
  Argument codes(op, "codes", codes_in), scales(op, "scales", scales_in), offsets(op, "offsets", offsets_in);
  const int32_t kind = quantization_of(op, quantization), result = dtype_of(dtype);
  if (result > PYTRANSFORMERS_BFLOAT16 || n < 0 || k < 0) {
    throw py::value_error("[dequantize] expected n and k of at least 0 and dtype float32, float16 or bfloat16, got "
                          "less or another, name one of these");
  }
  Result weight(true, {n, k}, result);
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    status = pytransformers_dequantize(codes.get(), scales.get(), offsets.get(), kind, group_size, weight.get(),
                                       pytransformers_thread_pool());
  }
  check(status);
  return weight.object();
}

}  // namespace

void define_quantized_matmul(py::module_& module) {
  using namespace py::literals;
  module.def("quantized_matmul", &matmul, "x"_a, "codes"_a, "scales"_a, "offsets"_a = py::none(), "bias"_a = py::none(),
             py::kw_only(), "quantization"_a, "group_size"_a = 0, "out_features"_a, "activation"_a = py::none(),
             "y (..., out_features) of x's dtype; see pytransformers/ops/quantized_matmul.py.");
  module.def("dequantize", &dequantize, "codes"_a, "scales"_a, "offsets"_a = py::none(), py::kw_only(),
             "quantization"_a, "group_size"_a = 0, "n"_a, "k"_a, "dtype"_a = py::dtype("float32"), "W (n, k).");
}

}  // namespace pytransformers_python
