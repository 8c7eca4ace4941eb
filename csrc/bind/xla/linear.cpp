// linear as an XLA custom call. vmap runs it part by part.
#include "bind/xla/common.h"

namespace {

using namespace pytransformers_xla;

// Operands: x, weight, bias?. Result: y.
ffi::Error linear(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::Result<ffi::AnyBuffer> result,
                  int32_t activation, bool has_bias) {
  if (arguments.size() != size_t{2} + has_bias) {
    return ffi::Error(ffi::ErrorCode::kInvalidArgument,
                      "[linear] expected x, weight and the bias that has_bias tells of, got another number of operands");
  }
  const auto part = [&](bool present, size_t i) {
    return present ? Part(arguments.get<ffi::AnyBuffer>(i).value(), 0) : Part();
  };
  Part x = part(true, 0), weight = part(true, 1), bias = part(has_bias, 2), y(*result, 0);
  const pytransformers_tensor *weights[] = {weight.at(0)}, *biases[] = {bias.at(0)}, *ys[] = {y.at(0)};
  const pytransformers_parallel parallel = {parallel_for, &pool};
  return as_error(pytransformers_linear(x.at(0), 1, weights, biases, activation, ys, &parallel));
}

}  // namespace

HANDLER(linear, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().Ret<ffi::AnyBuffer>()
                    .Attr<int32_t>("activation").Attr<bool>("has_bias"));
