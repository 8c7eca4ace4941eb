// rotary_embedding for NumPy and DLPack.
#include "bind/python/common.h"

namespace pytransformers_python {
namespace {

const char* const kOp = "rotary_embedding";

py::tuple rotary_embedding(const py::object& query_in, const py::object& key_in, const py::object& cos_in,
                           const py::object& sin_in, const py::object& positions_in, bool interleaved, bool inverse) {
  Argument query(kOp, "query", query_in), key(kOp, "key", key_in), cos(kOp, "cos", cos_in), sin(kOp, "sin", sin_in),
      positions(kOp, "position_ids", positions_in);
  check_floating(kOp, query);
  Result query_out(true, query.sizes(), query.dtype()), key_out(key.get() != nullptr, key.sizes(), query.dtype());
  pytransformers_status status;
  {
    py::gil_scoped_release release;
    status = pytransformers_rotary_embedding(query.get(), key.get(), cos.get(), sin.get(), positions.get(), interleaved,
                                             inverse, query_out.get(), key_out.get(), pytransformers_thread_pool());
  }
  check(status);
  return py::make_tuple(query_out.object(), key_out.object());
}

}  // namespace

void define_rotary_embedding(py::module_& module) {
  using namespace py::literals;
  module.def("rotary_embedding", &rotary_embedding, "query"_a, "key"_a, "cos"_a, "sin"_a, py::kw_only(),
             "position_ids"_a = py::none(), "interleaved"_a = false, "inverse"_a = false,
             "(query, key or None), turned.");
}

}  // namespace pytransformers_python
