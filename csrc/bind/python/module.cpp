// The Python module _native.
#include <pybind11/stl.h>

#include "bind/python/common.h"

PYBIND11_MODULE(_native, module) {
  using namespace py::literals;
  using namespace pytransformers_python;
  module.doc() = "The kernels for NumPy arrays and DLPack tensors on the CPU; see csrc/core/c_api.h.";
  module.def("instruction_set", &pytransformers_instruction_set, "What the kernels run on.");
  module.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (int i = 0; const char* name = pytransformers_instruction_set_name(i); ++i) names.push_back(name);
    return names;
  }, "What this processor has, from baseline to the best.");
  module.def("set_instruction_set", [](const std::string& name) { check(pytransformers_set_instruction_set(name.c_str())); },
             "name"_a, "Run the kernels on another instruction set that this processor has, for tests.");
  define_attention(module);
  define_linear(module);
  define_norms(module);
  define_quantized_matmul(module);
  define_rotary_embedding(module);
}
