// What the functions of this folder share: the kernels for NumPy arrays and anything on the CPU that speaks DLPack.
// Results are NumPy arrays. Used by tests and tools; no framework depends on it.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <vector>

#include "core/c_api.h"

namespace py = pybind11;

namespace pytransformers_python {

// The DLPack exchange structures (dmlc/dlpack, the version without a version field), as capsules called "dltensor".
struct DLTensor {
  void* data;
  int32_t device_type, device_id;
  int32_t rank;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *sizes, *strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};

inline void check(pytransformers_status status) {
  if (status == PYTRANSFORMERS_INVALID_ARGUMENT) throw py::value_error(pytransformers_last_error());
  if (status == PYTRANSFORMERS_OUT_OF_MEMORY) {
    PyErr_SetString(PyExc_MemoryError, pytransformers_last_error());
    throw py::error_already_set();
  }
}

inline int32_t dtype_of(const py::dtype& dtype) {
  const bool native = dtype.byteorder() == '=';
  if (dtype.kind() == 'f' && native && dtype.itemsize() == 4) return PYTRANSFORMERS_FLOAT32;
  if (dtype.kind() == 'f' && native && dtype.itemsize() == 2) return PYTRANSFORMERS_FLOAT16;
  if (dtype.kind() == 'b') return PYTRANSFORMERS_BOOL;
  if (dtype.kind() == 'i' && native && dtype.itemsize() == 4) return PYTRANSFORMERS_INT32;
  if (dtype.kind() == 'i' && native && dtype.itemsize() == 8) return PYTRANSFORMERS_INT64;
  if (dtype.kind() == 'i' && dtype.itemsize() == 1) return PYTRANSFORMERS_INT8;
  if (dtype.kind() == 'u' && dtype.itemsize() == 1) return PYTRANSFORMERS_UINT8;
  if (py::str(dtype).cast<std::string>() == "bfloat16") return PYTRANSFORMERS_BFLOAT16;
  return PYTRANSFORMERS_OTHER;
}

inline py::dtype numpy_dtype(int32_t dtype) {
  if (dtype == PYTRANSFORMERS_BFLOAT16) {
    return py::dtype::from_args(py::module_::import("ml_dtypes").attr("bfloat16"));
  }
  return py::dtype(dtype == PYTRANSFORMERS_FLOAT16 ? "float16" : "float32");
}

// A tensor as an argument: a view of a NumPy array or of a DLPack tensor, which it keeps alive.
class Argument {
 public:
  Argument(const char* op, const char* name, const py::object& object) {
    if (object.is_none()) return;
    if (py::isinstance<py::array>(object)) {
      take_array(object.cast<py::array>());
    } else if (py::hasattr(object, "__dlpack__")) {
      take_dlpack(op, name, object);
    } else {
      throw py::type_error(std::string("[") + op + "] expected " + name + " to be a NumPy array or to speak DLPack, got " +
                           py::str(py::type::of(object).attr("__name__")).cast<std::string>() +
                           ", convert it with numpy.asarray");
    }
  }

  const pytransformers_tensor* get() {
    view_.sizes = sizes_.data();
    view_.strides = strides_.data();
    return present_ ? &view_ : nullptr;
  }
  const std::vector<int64_t>& sizes() const { return sizes_; }
  int32_t dtype() const { return view_.dtype; }

 private:
  void take_array(py::array array) {
    const int32_t dtype = dtype_of(array.dtype());
    if (!readable(array)) array = py::module_::import("numpy").attr("ascontiguousarray")(array);
    present_ = true;
    view_ = {const_cast<void*>(array.data()), nullptr, nullptr, static_cast<int32_t>(array.ndim()), dtype};
    const py::ssize_t item = array.itemsize();
    for (int i = 0; i < array.ndim(); ++i) {
      sizes_.push_back(array.shape(i));
      strides_.push_back(array.strides(i) / item);
    }
    owner_ = array;
  }

  // Aligned, strides whole in items, the last dimension contiguous.
  static bool readable(const py::array& array) {
    const py::ssize_t item = array.itemsize(), last = array.ndim() - 1;
    if (!(array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) return false;
    for (int i = 0; i <= last; ++i) {
      if (array.strides(i) % item != 0) return false;
    }
    return last < 0 || array.shape(last) <= 1 || array.strides(last) == item;
  }

  void take_dlpack(const char* op, const char* name, const py::object& object) {
    const auto device = object.attr("__dlpack_device__")().cast<std::pair<int, int>>();
    if (device.first != 1) {
      throw py::value_error(std::string("[") + op + "] expected " + name + " on the CPU, got DLPack device type " +
                            std::to_string(device.first) + ", move it there");
    }
    const py::object capsule = object.attr("__dlpack__")();
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
    if (managed == nullptr) throw py::error_already_set();
    PyCapsule_SetName(capsule.ptr(), "used_dltensor");
    owner_ = py::capsule(managed, [](void* raw) {
      auto* tensor = static_cast<DLManagedTensor*>(raw);
      if (tensor->deleter != nullptr) tensor->deleter(tensor);
    });
    const DLTensor& tensor = managed->tensor;
    const bool is_float = tensor.code == 2 && tensor.lanes == 1, is_bfloat = tensor.code == 4 && tensor.lanes == 1;
    const int32_t dtype = is_float && tensor.bits == 32    ? PYTRANSFORMERS_FLOAT32
                          : is_float && tensor.bits == 16  ? PYTRANSFORMERS_FLOAT16
                          : is_bfloat && tensor.bits == 16 ? PYTRANSFORMERS_BFLOAT16
                                                           : PYTRANSFORMERS_OTHER;
    present_ = true;
    view_ = {static_cast<char*>(tensor.data) + tensor.byte_offset, nullptr, nullptr, tensor.rank, dtype};
    sizes_.assign(tensor.sizes, tensor.sizes + tensor.rank);
    strides_.assign(tensor.rank, 1);
    for (int i = tensor.rank - 1; i >= 0; --i) {
      strides_[i] = tensor.strides != nullptr ? tensor.strides[i]
                    : i == tensor.rank - 1    ? 1
                                              : strides_[i + 1] * sizes_[i + 1];
    }
  }

  py::object owner_;
  std::vector<int64_t> sizes_, strides_;
  pytransformers_tensor view_ = {};
  bool present_ = false;
};

// A fresh array, as an object for Python and as a view for the kernel.
class Result {
 public:
  Result(bool wanted, const std::vector<int64_t>& sizes, int32_t dtype) : sizes_(sizes), object_(py::none()) {
    if (!wanted) return;
    py::array array(numpy_dtype(dtype), sizes);
    view_ = {array.mutable_data(), sizes_.data(), nullptr, static_cast<int32_t>(sizes_.size()), dtype};
    object_ = array;
  }
  const pytransformers_tensor* get() const { return object_.is_none() ? nullptr : &view_; }
  const py::object& object() const { return object_; }

 private:
  std::vector<int64_t> sizes_;
  pytransformers_tensor view_ = {};
  py::object object_;
};

// x's shape and dtype are used before the kernel has seen them: refuse here what has no result.
inline void check_floating(const char* op, const Argument& x) {
  if (x.dtype() == PYTRANSFORMERS_OTHER) {
    throw py::value_error(std::string("[") + op + "] expected x of dtype float32, float16 or bfloat16, got another, "
                          "cast it first");
  }
}

// Each file of this folder adds its functions to the module.
void define_attention(py::module_& module);
void define_linear(py::module_& module);
void define_norms(py::module_& module);
void define_quantized_matmul(py::module_& module);
void define_rotary_embedding(py::module_& module);

}  // namespace pytransformers_python
