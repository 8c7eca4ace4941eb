// layer_norm and rms_norm as XLA custom calls.
//
// Optional operands follow a fixed order and the attributes say which are there. Under vmap every operand gains the same
// leading dimensions, the weights too: a weight of shape (..., d) applies to the part of x at its leading index.
#include "bind/xla/common.h"

namespace {

using namespace pytransformers_xla;

// The operands and results of a call, cut into parts by the leading dimensions that the weights carry.
class Call {
 public:
  Call(ffi::RemainingArgs arguments, ffi::RemainingRets results) : arguments_(arguments), results_(results) {}

  // To be said before any part is taken: which operand, or else which result, has the weights' shape; -1 for none.
  bool set_batch(const char* op, int64_t argument_index, int64_t result_index) {
    if (argument_index < 0 && result_index < 0) return true;
    const auto x = arguments_.get<ffi::AnyBuffer>(0);
    const auto weights = argument_index >= 0 ? arguments_.get<ffi::AnyBuffer>(argument_index) : result_at(result_index);
    if (!weights.has_value() || !x.has_value()) return complain(op, "one operand for each attribute", "fewer");
    const auto outer = weights->dimensions(), inner = x->dimensions();
    if (outer.size() < 1 || outer.size() > inner.size()) {
      return complain(op, "weights of at least 1 dimension and no more than x has", std::to_string(outer.size()));
    }
    batch_ = outer.size() - 1;
    for (int64_t i = 0; i < batch_; ++i) {
      if (outer[i] != inner[i]) return complain(op, "weights and x with equal leading dimensions", "others");
      parts_ *= outer[i];
    }
    return true;
  }

  Part argument(bool present) { return present ? part(arguments_.get<ffi::AnyBuffer>(next_argument_++)) : Part(); }

  Part result(bool present) { return present ? part(result_at(next_result_++)) : Part(); }

  int64_t parts() const { return parts_; }
  const std::string& error() const { return error_; }

 private:
  bool complain(const char* op, const std::string& expected, const std::string& got) {
    error_ = std::string("[") + op + "] expected " + expected + ", got " + got + ", check the operands' shapes";
    return false;
  }

  ffi::ErrorOr<ffi::AnyBuffer> result_at(int64_t index) const {
    auto result = results_.get<ffi::AnyBuffer>(index);
    if (!result.has_value()) return ffi::Unexpected(result.error());
    return *result.value();
  }

  Part part(const ffi::ErrorOr<ffi::AnyBuffer>& buffer) {
    if (buffer.has_value() && static_cast<int64_t>(buffer->dimensions().size()) >= batch_) return Part(*buffer, batch_);
    complain("norm", "every operand to have the batch dimensions of the weights", "fewer");
    return Part();
  }

  ffi::RemainingArgs arguments_;
  ffi::RemainingRets results_;
  int64_t next_argument_ = 0, next_result_ = 0, batch_ = 0, parts_ = 1;
  std::string error_;
};

// Operands: x, residual?, weight?, bias?. Results: y, sum (with residual).
ffi::Error forward(const char* op, bool centred, ffi::ThreadPool& pool, ffi::RemainingArgs arguments,
                   ffi::RemainingRets results, float eps, bool has_residual, bool has_weight, bool has_bias) {
  Call call(arguments, results);
  call.set_batch(op, has_weight || has_bias ? 1 + has_residual : -1, -1);
  if (!call.error().empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, call.error());
  Part x = call.argument(true), residual = call.argument(has_residual), weight = call.argument(has_weight),
       bias = call.argument(has_bias), y = call.result(true), sum = call.result(has_residual);
  if (!call.error().empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, call.error());
  const pytransformers_parallel parallel = {parallel_for, &pool};
  for (int64_t i = 0; i < call.parts(); ++i) {
    const pytransformers_status status =
        centred ? pytransformers_layer_norm(x.at(i), residual.at(i), weight.at(i), bias.at(i), eps, y.at(i), sum.at(i),
                                            &parallel)
                : pytransformers_rms_norm(x.at(i), residual.at(i), weight.at(i), eps, y.at(i), sum.at(i), &parallel);
    if (status != PYTRANSFORMERS_OK) return as_error(status);
  }
  return ffi::Error::Success();
}

// Operands: x, dy, dsum?, weight?. Results: dx, dweight?, dbias?.
ffi::Error backward(const char* op, bool centred, ffi::ThreadPool& pool, ffi::RemainingArgs arguments,
                    ffi::RemainingRets results, float eps, bool has_dsum, bool has_weight, bool want_weight,
                    bool want_bias) {
  Call call(arguments, results);
  call.set_batch(op, has_weight ? 2 + has_dsum : -1, !has_weight && (want_weight || want_bias) ? 1 : -1);
  if (!call.error().empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, call.error());
  Part x = call.argument(true), dy = call.argument(true), dsum = call.argument(has_dsum),
       weight = call.argument(has_weight), dx = call.result(true), dweight = call.result(want_weight),
       dbias = call.result(want_bias);
  if (!call.error().empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, call.error());
  const pytransformers_parallel parallel = {parallel_for, &pool};
  for (int64_t i = 0; i < call.parts(); ++i) {
    const pytransformers_status status =
        centred ? pytransformers_layer_norm_backward(dy.at(i), dsum.at(i), x.at(i), weight.at(i), eps, dx.at(i),
                                                     dweight.at(i), dbias.at(i), &parallel)
                : pytransformers_rms_norm_backward(dy.at(i), dsum.at(i), x.at(i), weight.at(i), eps, dx.at(i),
                                                   dweight.at(i), &parallel);
    if (status != PYTRANSFORMERS_OK) return as_error(status);
  }
  return ffi::Error::Success();
}

ffi::Error layer_norm(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results, float eps,
                      bool has_residual, bool has_weight, bool has_bias) {
  return forward("layer_norm", true, pool, arguments, results, eps, has_residual, has_weight, has_bias);
}

ffi::Error rms_norm(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results, float eps,
                    bool has_residual, bool has_weight) {
  return forward("rms_norm", false, pool, arguments, results, eps, has_residual, has_weight, false);
}

ffi::Error layer_norm_backward(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                               float eps, bool has_dsum, bool has_weight, bool want_weight, bool want_bias) {
  return backward("layer_norm", true, pool, arguments, results, eps, has_dsum, has_weight, want_weight, want_bias);
}

ffi::Error rms_norm_backward(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results, float eps,
                             bool has_dsum, bool has_weight, bool want_weight) {
  return backward("rms_norm", false, pool, arguments, results, eps, has_dsum, has_weight, want_weight, false);
}

}  // namespace

#define BINDING ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets().Attr<float>("eps")

HANDLER(layer_norm, BINDING.Attr<bool>("has_residual").Attr<bool>("has_weight").Attr<bool>("has_bias"));
HANDLER(rms_norm, BINDING.Attr<bool>("has_residual").Attr<bool>("has_weight"));
HANDLER(layer_norm_backward,
        BINDING.Attr<bool>("has_dsum").Attr<bool>("has_weight").Attr<bool>("want_weight").Attr<bool>("want_bias"));
HANDLER(rms_norm_backward, BINDING.Attr<bool>("has_dsum").Attr<bool>("has_weight").Attr<bool>("want_weight"));
