// attention for NumPy and DLPack.
#include <pybind11/stl.h>

#include <cmath>

#include "bind/python/common.h"

namespace pytransformers_python {
namespace {

const char* const kOp = "attention";

// The options of both directions: their tensors, kept alive, and the numbers.
struct Options {
  Argument mask, bias, slopes, query_offsets, key_offsets;
  pytransformers_attention_options options = {};

  Options(const py::object& mask_in, const py::object& bias_in, const py::object& slopes_in,
          const py::object& query_offsets_in, const py::object& key_offsets_in, std::optional<double> scale,
          double soft_cap, double dropout, uint64_t seed, std::pair<int64_t, int64_t> window, bool causal,
          const std::vector<int64_t>& query_sizes)
      : mask(kOp, "mask", mask_in), bias(kOp, "bias", bias_in), slopes(kOp, "alibi_slopes", slopes_in),
        query_offsets(kOp, "query_offsets", query_offsets_in), key_offsets(kOp, "key_offsets", key_offsets_in) {
    const int64_t features = query_sizes.empty() ? 1 : query_sizes.back();
    options = {mask.get(), bias.get(), slopes.get(), query_offsets.get(), key_offsets.get(),
               scale.value_or(1.0 / std::sqrt(static_cast<double>(features < 1 ? 1 : features))), soft_cap, dropout,
               seed, window.first, window.second, causal};
  }
};

std::vector<int64_t> with_last(std::vector<int64_t> sizes, const Argument& value) {
  if (!sizes.empty() && !value.sizes().empty()) sizes.back() = value.sizes().back();
  return sizes;
}

// Results have query's dtype, before the kernel has seen it.
void check_result(Argument& query) {
  if (query.get() != nullptr && query.dtype() <= PYTRANSFORMERS_BFLOAT16) return;
  throw py::value_error("[attention] expected query of dtype float32, float16 or bfloat16, got another, cast it first");
}

py::object forward(const py::object& query_in, const py::object& key_in, const py::object& value_in,
                   const py::object& mask, const py::object& bias, const py::object& slopes,
                   const py::object& query_offsets, const py::object& key_offsets, std::optional<double> scale,
                   double soft_cap, double dropout, uint64_t seed, std::pair<int64_t, int64_t> window, bool causal,
                   bool with_lse) {
  Argument query(kOp, "query", query_in), key(kOp, "key", key_in), value(kOp, "value", value_in);
  check_result(query);
  Options options(mask, bias, slopes, query_offsets, key_offsets, scale, soft_cap, dropout, seed, window, causal,
                        query.sizes());
  std::vector<int64_t> rows = query.sizes();
  if (!rows.empty()) rows.pop_back();
  Result out(true, with_last(query.sizes(), value), query.dtype()), lse(with_lse, rows, PYTRANSFORMERS_FLOAT32);
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    status = pytransformers_attention(query.get(), key.get(), value.get(), &options.options, out.get(), lse.get(),
                                      pytransformers_thread_pool());
  }
  check(status);
  return with_lse ? py::object(py::make_tuple(out.object(), lse.object())) : out.object();
}

py::tuple backward(const py::object& dout_in, const py::object& query_in, const py::object& key_in,
                   const py::object& value_in, const py::object& out_in, const py::object& lse_in,
                   const py::object& mask, const py::object& bias, const py::object& slopes,
                   const py::object& query_offsets, const py::object& key_offsets, std::optional<double> scale,
                   double soft_cap, double dropout, uint64_t seed, std::pair<int64_t, int64_t> window, bool causal,
                   bool want_bias) {
  Argument dout(kOp, "dout", dout_in), query(kOp, "query", query_in), key(kOp, "key", key_in),
      value(kOp, "value", value_in), out(kOp, "out", out_in), lse(kOp, "lse", lse_in);
  check_result(query);
  Options options(mask, bias, slopes, query_offsets, key_offsets, scale, soft_cap, dropout, seed, window, causal,
                  query.sizes());
  const bool bias_gradient = want_bias && options.bias.get() != nullptr;
  if (bias_gradient && options.bias.dtype() > PYTRANSFORMERS_BFLOAT16) check_result(options.bias);
  Result dquery(true, query.sizes(), query.dtype()), dkey(true, key.sizes(), query.dtype()),
      dvalue(true, value.sizes(), query.dtype()),
      dbias(bias_gradient, options.bias.sizes(), bias_gradient ? options.bias.dtype() : query.dtype());
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    status = pytransformers_attention_backward(dout.get(), query.get(), key.get(), value.get(), out.get(), lse.get(),
                                               &options.options, dquery.get(), dkey.get(), dvalue.get(), dbias.get(),
                                               pytransformers_thread_pool());
  }
  check(status);
  return py::make_tuple(dquery.object(), dkey.object(), dvalue.object(), dbias.object());
}

}  // namespace

void define_attention(py::module_& module) {
  using namespace py::literals;
  const std::pair<int64_t, int64_t> no_window(-1, -1);
  module.def("attention", &forward, "query"_a, "key"_a, "value"_a, "mask"_a = py::none(), "bias"_a = py::none(),
             "alibi_slopes"_a = py::none(), "query_offsets"_a = py::none(), "key_offsets"_a = py::none(),
             "scale"_a = py::none(), "soft_cap"_a = 0.0, "dropout"_a = 0.0, "dropout_seed"_a = 0,
             "window"_a = no_window, "causal"_a = false, "with_lse"_a = false, "out, or (out, lse).");
  module.def("attention_backward", &backward, "dout"_a, "query"_a, "key"_a, "value"_a, "out"_a, "lse"_a,
             "mask"_a = py::none(), "bias"_a = py::none(), "alibi_slopes"_a = py::none(),
             "query_offsets"_a = py::none(), "key_offsets"_a = py::none(), "scale"_a = py::none(), "soft_cap"_a = 0.0,
             "dropout"_a = 0.0, "dropout_seed"_a = 0, "window"_a = no_window, "causal"_a = false,
             "want_bias"_a = false, "(dquery, dkey, dvalue, dbias or None).");
}

}  // namespace pytransformers_python
