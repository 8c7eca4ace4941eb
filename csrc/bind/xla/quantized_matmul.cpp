// quantized_matmul and dequantize as XLA custom calls.
//
// Optional operands follow a fixed order and the attributes say which are there. Under vmap every operand gains the same
// leading dimensions, of size 1 where it is not mapped over. Only x being mapped over, which is the usual case, is one
// call; else there is one for each set of weights.
#include "bind/xla/common.h"

namespace {

using namespace pytransformers_xla;

// A buffer whose first `batch` dimensions are those of vmap.
class Mapped {
 public:
  Mapped() = default;
  Mapped(const ffi::AnyBuffer& buffer, int64_t batch)
      : leading_(buffer.dimensions().begin(), buffer.dimensions().begin() + batch), part_(buffer, batch) {}

  bool varies() const {
    return std::any_of(leading_.begin(), leading_.end(), [](int64_t size) { return size != 1; });
  }

  // The part that belongs to the i-th of the parts that `all` dimensions make; NULL if there is no buffer.
  const pytransformers_tensor* at(int64_t i, const std::vector<int64_t>& all) {
    int64_t own = 0, stride = 1;
    for (int64_t d = static_cast<int64_t>(leading_.size()) - 1; d >= 0; --d) {
      if (leading_[d] != 1) own += i % all[d] * stride;
      stride *= leading_[d];
      i /= all[d];
    }
    return part_.at(own);
  }

 private:
  std::vector<int64_t> leading_;
  Part part_;
};

ffi::Error refuse(const char* op, const std::string& message) {
  return ffi::Error(ffi::ErrorCode::kInvalidArgument, std::string("[") + op + "] " + message);
}

bool fit(const ffi::AnyBuffer& buffer, const std::vector<int64_t>& leading) {
  const auto sizes = buffer.dimensions();
  if (sizes.size() < leading.size()) return false;
  for (size_t d = 0; d < leading.size(); ++d) {
    if (sizes[d] != 1 && sizes[d] != leading[d]) return false;
  }
  return true;
}

// Operands: x, codes, scales, offsets?, bias?. Result: y.
ffi::Error quantized_matmul(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::Result<ffi::AnyBuffer> result,
                            int32_t quantization, int64_t group_size, int32_t activation, bool has_offsets,
                            bool has_bias) {
  const char* op = "quantized_matmul";
  const size_t count = 3 + has_offsets + has_bias;
  std::vector<ffi::AnyBuffer> operands;
  for (size_t i = 0; i < std::min(count, arguments.size()); ++i) {
    const auto operand = arguments.get<ffi::AnyBuffer>(i);
    if (operand.has_value()) operands.push_back(*operand);
  }
  if (operands.size() != count || arguments.size() != count) {
    return refuse(op, "expected one operand for each attribute, got another number, check the attributes");
  }
  const ffi::AnyBuffer y_buffer = *result;
  const int64_t batch = static_cast<int64_t>(operands[1].dimensions().size()) - 4;  // codes are (tiles, ., 16, 4)
  if (batch < 0 || static_cast<int64_t>(y_buffer.dimensions().size()) < batch) {
    return refuse(op, "expected codes of 4 dimensions, got fewer, pack the weight first");
  }
  const std::vector<int64_t> leading(y_buffer.dimensions().begin(), y_buffer.dimensions().begin() + batch);
  for (const auto& operand : operands) {
    if (!fit(operand, leading)) return refuse(op, "expected leading dimensions that broadcast, got others, check them");
  }
  const auto mapped = [&](bool present, size_t i) { return present ? Mapped(operands[i], batch) : Mapped(); };
  Mapped codes = mapped(true, 1), scales = mapped(true, 2), offsets = mapped(has_offsets, 3),
         bias = mapped(has_bias, 3 + has_offsets);
  const pytransformers_parallel parallel = {parallel_for, &pool};
  const auto run = [&](const pytransformers_tensor* x, const pytransformers_tensor* y, int64_t i) {
    return pytransformers_quantized_matmul(x, codes.at(i, leading), scales.at(i, leading), offsets.at(i, leading),
                                           quantization, group_size, bias.at(i, leading), activation, y, &parallel);
  };
  if (!codes.varies() && !scales.varies() && !offsets.varies() && !bias.varies()) {
    Part x(operands[0], 0), y(y_buffer, 0);
    return as_error(run(x.at(0), y.at(0), 0));
  }
  Mapped x = mapped(true, 0), y(y_buffer, batch);
  int64_t parts = 1;
  for (int64_t size : leading) parts *= size;
  for (int64_t i = 0; i < parts; ++i) {
    const pytransformers_status status = run(x.at(i, leading), y.at(i, leading), i);
    if (status != PYTRANSFORMERS_OK) return as_error(status);
  }
  return ffi::Error::Success();
}

// Operands: codes, scales, offsets?. Result: the weight. vmap runs it part by part.
ffi::Error dequantize(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::Result<ffi::AnyBuffer> result,
                      int32_t quantization, int64_t group_size, bool has_offsets) {
  const char* op = "dequantize";
  if (arguments.size() != size_t{2} + has_offsets) {
    return refuse(op, "expected one operand for each attribute, got another number, check the attributes");
  }
  const auto part = [&](bool present, size_t i) {
    return present ? Part(arguments.get<ffi::AnyBuffer>(i).value(), 0) : Part();
  };
  Part codes = part(true, 0), scales = part(true, 1), offsets = part(has_offsets, 2), weight(*result, 0);
  const pytransformers_parallel parallel = {parallel_for, &pool};
  return as_error(pytransformers_dequantize(codes.at(0), scales.at(0), offsets.at(0), quantization, group_size,
                                            weight.at(0), &parallel));
}

}  // namespace

#define BINDING ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().Ret<ffi::AnyBuffer>()

HANDLER(quantized_matmul, BINDING.Attr<int32_t>("quantization").Attr<int64_t>("group_size").Attr<int32_t>("activation")
                              .Attr<bool>("has_offsets").Attr<bool>("has_bias"));
HANDLER(dequantize,
        BINDING.Attr<int32_t>("quantization").Attr<int64_t>("group_size").Attr<bool>("has_offsets"));
