// What the handlers of this folder share. The kernels are XLA custom calls for JAX, through XLA's FFI. Only what the oldest
// supported header (jaxlib 0.4.35) has is used, since a handler built against a newer header is refused by an older jaxlib.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/shared_loop.h"
#include "core/tensor.h"
#include "xla/ffi/api/ffi.h"

namespace pytransformers_xla {

namespace ffi = xla::ffi;

inline int32_t dtype_of(const ffi::AnyBuffer& buffer) {
  switch (buffer.element_type()) {
    case ffi::DataType::F32: return PYTRANSFORMERS_FLOAT32;
    case ffi::DataType::F16: return PYTRANSFORMERS_FLOAT16;
    case ffi::DataType::BF16: return PYTRANSFORMERS_BFLOAT16;
    case ffi::DataType::PRED: return PYTRANSFORMERS_BOOL;
    case ffi::DataType::S8: return PYTRANSFORMERS_INT8;
    case ffi::DataType::U8: return PYTRANSFORMERS_UINT8;
    case ffi::DataType::S32: return PYTRANSFORMERS_INT32;
    case ffi::DataType::S64: return PYTRANSFORMERS_INT64;
    default: return PYTRANSFORMERS_OTHER;
  }
}

// A buffer seen without its `batch` leading dimensions; `at(i)` moves it to the i-th part.
class Part {
 public:
  Part() = default;
  Part(const ffi::AnyBuffer& buffer, int64_t batch)
      : sizes_(buffer.dimensions().begin() + batch, buffer.dimensions().end()), dtype_(dtype_of(buffer)),
        data_(static_cast<char*>(buffer.untyped_data())), present_(true) {
    bytes_ = pytransformers::item_size(dtype_);
    for (int64_t size : sizes_) bytes_ *= size;
  }

  // NULL for an operand that is not there. Valid until the next call.
  const pytransformers_tensor* at(int64_t i) {
    view_ = {data_ + i * bytes_, sizes_.data(), nullptr, static_cast<int32_t>(sizes_.size()), dtype_};
    return present_ ? &view_ : nullptr;
  }

 private:
  std::vector<int64_t> sizes_;
  int32_t dtype_ = PYTRANSFORMERS_OTHER;
  char* data_ = nullptr;
  int64_t bytes_ = 0;
  bool present_ = false;
  pytransformers_tensor view_ = {};
};

// XLA's own threads.
inline void parallel_for(void* host, int64_t count, int64_t grain, pytransformers_task task, void* context) {
  static const int64_t threads = std::max<int64_t>(1, std::thread::hardware_concurrency());
  auto loop = std::make_shared<pytransformers::SharedLoop>(
      count, pytransformers::balanced_grain(count, grain, threads), task, context);
  for (int64_t i = 1; i < std::min(threads, loop->ranges()); ++i) {
    static_cast<ffi::ThreadPool*>(host)->Schedule([loop] { loop->help(); });
  }
  loop->help_and_wait();
}

inline ffi::Error as_error(pytransformers_status status) {
  return status == PYTRANSFORMERS_OK ? ffi::Error::Success()
                                     : ffi::Error(ffi::ErrorCode::kInvalidArgument, pytransformers_last_error());
}

}  // namespace pytransformers_xla

// The declaration in front makes the symbol visible; the macro of XLA defines it.
#define HANDLER(op, binding)                                                                  \
  extern "C" PYTRANSFORMERS_EXPORT XLA_FFI_Error* pytransformers_xla_##op(XLA_FFI_CallFrame*); \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(pytransformers_xla_##op, op, binding)
